"""What a permutation assumes of subjects: equal scale, confounds removed in full, nobody twice."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
