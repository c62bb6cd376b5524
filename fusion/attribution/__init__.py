"""What one gene, region or set of genes adds to a held-out finding, given all the others."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
