"""The results folder: written whole, read back, fingerprinted."""
