"""Bases to token ids."""
