"""Masked-language models learn from genomes: examples, heads, losses beside those of Markov chains."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
