"""Brain sources to one canonical table, before any run."""
