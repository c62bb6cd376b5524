"""Whether two views depend on one another at all, beyond what is linear: RV, distance correlation, HSIC."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
