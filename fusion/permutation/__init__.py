"""The in-sample test: who may be exchanged, what is permuted, what is computed, what is reported."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
