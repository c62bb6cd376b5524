"""Reference-anchored windows of every haplotype."""

from encoders.genome.window_table import WindowTable

__all__ = ["WindowTable"]
