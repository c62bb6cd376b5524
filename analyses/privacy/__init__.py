"""What may be shown of subjects: counts that are large enough, and no id; and the search that proves it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
