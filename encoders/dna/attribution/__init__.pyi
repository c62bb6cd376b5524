from .attention import Scores as Scores
from .attention import attention_scores as attention_scores
from .motifs import BASES as BASES
from .motifs import Motif as Motif
from .motifs import MotifSettings as MotifSettings
from .motifs import find_motifs as find_motifs
