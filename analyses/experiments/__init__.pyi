from .registry import MODULES as MODULES
from .registry import find_experiment as find_experiment
