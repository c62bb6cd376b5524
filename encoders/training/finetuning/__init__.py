"""Encoders learn a task: heads, low-rank changes, both strands, and figures with intervals."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
