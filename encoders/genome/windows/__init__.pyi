from .allele_space import WindowCount as WindowCount
from .callable_regions import CallableRegions as CallableRegions
from .haplotype_windows import count_in_allele_space as count_in_allele_space
from .haplotype_windows import make_window_table as make_window_table
from .merge import merge_window_tables as merge_window_tables
from .table import WindowTable as WindowTable
