"""Genome files to windows, kinship, ancestry, haplotypes."""
