"""Alleles to sequence: the consensus rules."""
