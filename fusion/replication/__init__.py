"""What other cohorts say of a link: fitted weights tested in new subjects, and several studies combined."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
