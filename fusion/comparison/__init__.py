"""Several arms: one family of tests, paired differences, ranks, likeness."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
