"""Methods beside linear CCA, in its folds and permutations: held-out correlation, retrieval, learning curve."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
