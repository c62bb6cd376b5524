"""Residualise, reduce, align, test: statistics on views whose rows are subjects."""
