"""Configurations of `genebrain pretrain` and `genebrain finetune`, each section with what its keys mean."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
