"""The held-out test: folds, what they fit, what is permuted inside them, what is reported."""
