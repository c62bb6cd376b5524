from .max_t import westfall_young as westfall_young
from .paired_differences import PairedDifference as PairedDifference
from .paired_differences import paired_difference as paired_difference
from .paired_differences import paired_family as paired_family
from .ranking import Ranking as Ranking
from .ranking import rank_arms as rank_arms
from .similarity import linear_cka as linear_cka
from .similarity import principal_angles as principal_angles
