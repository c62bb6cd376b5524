"""`CallableRegions` where scripts of earlier versions import it from; it is part of `encoders.genome.windows`."""

from encoders.genome.windows.callable_regions import CallableRegions

__all__ = ["CallableRegions"]
