from .label_draws import LabelDraws as LabelDraws
from .label_draws import draw_labels as draw_labels
from .one_model import compare_strata as compare_strata
from .result import StrataComparison as StrataComparison
from .separate_models import compare_separate_models as compare_separate_models
