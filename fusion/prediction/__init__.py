"""Outcomes predicted in subjects that took no part, and predictors compared on shared folds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
