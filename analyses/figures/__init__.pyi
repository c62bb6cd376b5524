from .atlas import describe_atlas as describe_atlas
from .audit import draw_leaks as draw_leaks
from .brain import draw_brain as draw_brain
from .canvas import new_figure as new_figure
from .canvas import save_figure as save_figure
from .comparison import draw_comparison as draw_comparison
from .searches import curve_figure as curve_figure
from .searches import history_figure as history_figure
