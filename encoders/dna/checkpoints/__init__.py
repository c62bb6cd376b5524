"""Weights: found, hashed, licensed, filled strictly."""
