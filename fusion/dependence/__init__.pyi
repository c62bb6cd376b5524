from .kernels import STATISTICS as STATISTICS
from .permutation_test import DependenceTest as DependenceTest
from .permutation_test import dependence_test as dependence_test
