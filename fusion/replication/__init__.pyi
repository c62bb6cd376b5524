from .frozen_alignment import FrozenAlignment as FrozenAlignment
from .meta_analysis import MetaAnalysis as MetaAnalysis
from .meta_analysis import combine_correlations as combine_correlations
from .new_cohort import replicate_cca as replicate_cca
from .result import ReplicatedCCA as ReplicatedCCA
