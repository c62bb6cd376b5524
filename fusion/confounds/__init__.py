"""Everything that is removed from a view, learnt from training rows: design, residuals, ComBat, normal scores."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
