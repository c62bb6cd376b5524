"""The loop of training: transformers' Trainer, with checkpoints that are whole and losses that are finite."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
