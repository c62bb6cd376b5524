"""PCA of a view that is never built, and what its scores are made of."""
