"""Coupling of genes and brain in one stratum of a cohort against another: cases and controls, sexes, ages, sites."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
