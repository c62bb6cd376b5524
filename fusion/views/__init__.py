"""Rows are subjects: the one shape in which genes and brains meet. Table, factored panel, columns on disk."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
