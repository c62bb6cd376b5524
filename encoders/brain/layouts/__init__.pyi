from .array_files import load_npy as load_npy
from .array_files import load_npz as load_npz
from .sources import detect_layout as detect_layout
from .sources import read_source as read_source
from .wide import find_dialect as find_dialect
