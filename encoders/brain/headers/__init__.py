"""What column names tell: whose table it is, and which columns are no brain features."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
