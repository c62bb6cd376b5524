"""The estimator that users call."""
