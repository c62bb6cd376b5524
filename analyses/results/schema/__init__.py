"""What the files of a results folder hold: frozen types, one module a file, each field with its meaning."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
