from .comparison import ProbeComparison as ProbeComparison
from .comparison import compare_probes as compare_probes
from .probe import Probe as Probe
from .probe import ProbeTask as ProbeTask
from .probe import fit_probe as fit_probe
from .probe import fit_weight_matrix as fit_weight_matrix
from .scores import Score as Score
from .scores import score_probe as score_probe
