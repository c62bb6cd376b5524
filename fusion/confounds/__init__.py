"""Everything that is removed from a view, learnt from training rows: design, residuals, ComBat, normal scores."""
