from .nested_dimensions import NestedDimensions as NestedDimensions
from .settings import Setting as Setting
from .settings import embed_inner as embed_inner
from .settings import evaluate_setting as evaluate_setting
from .settings import inner_correlation as inner_correlation
