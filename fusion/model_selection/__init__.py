"""Choices made in inner folds, tested outside."""
