from .estimator import LateFusion as LateFusion
