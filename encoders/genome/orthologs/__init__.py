"""One gene in several species: sequences by species and gene, their strands, and how far they are apart."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
