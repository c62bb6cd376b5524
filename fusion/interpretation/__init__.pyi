from .bootstrap import bootstrap_refits as bootstrap_refits
from .loading_table import communality_table as communality_table
from .loading_table import redundancy as redundancy
from .split_half import split_half_cosines as split_half_cosines
