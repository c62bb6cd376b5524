"""Figures of what encoders make of sequences: tokens, alleles, orthologs, labelled sets."""
