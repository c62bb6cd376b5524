"""Rows are subjects: the one shape in which genes and brains meet. Table, factored panel, columns on disk."""
