"""Genotypes from any format; REF checked against the reference."""
