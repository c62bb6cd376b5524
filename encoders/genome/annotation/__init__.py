"""Genes and transcripts."""
