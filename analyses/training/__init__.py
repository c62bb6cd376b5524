"""Training as a command: from a configuration to a folder of weights, with curves, resumed where it was ended."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
