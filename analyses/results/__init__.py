"""The results folder: types of what it holds, written whole, read back, fingerprinted."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
