"""Time series to edges (nilearn)."""
