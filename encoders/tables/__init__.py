"""Tables as people export them: text in any dialect, or parquet; one reader for participants, brain and imports."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
