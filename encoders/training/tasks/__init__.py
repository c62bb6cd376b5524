"""Labelled sets: sequences with what is known of them, split so that nothing of a test is in training."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
