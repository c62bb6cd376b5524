"""What tokenizers make of sequences: their pieces, and how these stand to chance, motifs and codons."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
