"""Experiment attribute: what single genes, regions and sets of genes add, given all others."""
