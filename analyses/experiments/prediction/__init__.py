"""What genes, brain and both together tell of an outcome."""
