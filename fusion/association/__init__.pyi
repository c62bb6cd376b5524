from .effects import Effect as Effect
from .effects import fit_effect as fit_effect
from .freedman_lane import associate_scores as associate_scores
from .held_out_scores import align_folds as align_folds
from .held_out_scores import combine_scores as combine_scores
from .response import Response as Response
