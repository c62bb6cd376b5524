from .drawings import FIGURE_KINDS as FIGURE_KINDS
from .findings import CONTROL as CONTROL
from .page import make_report as make_report
