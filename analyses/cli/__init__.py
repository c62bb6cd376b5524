"""The command line: typer and nothing else, plus the two things only a process start needs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
