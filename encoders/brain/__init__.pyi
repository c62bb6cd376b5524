from .canonical_table import write_canonical as write_canonical
from .import_options import ImportOptions as ImportOptions
from .layouts.sources import detect_layout as detect_layout
from .layouts.sources import read_source as read_source
from .tables import BrainTable as BrainTable
from .tables import read_brain_table as read_brain_table
