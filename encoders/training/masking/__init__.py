"""What a masked-language model is not shown: which tokens, in which runs, and what stands in their place."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
