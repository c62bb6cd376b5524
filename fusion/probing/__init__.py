"""What frozen vectors know of labelled sequences: linear probes, their scores, and paired differences."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
