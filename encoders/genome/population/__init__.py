"""Relatives, ancestry, dosages."""
