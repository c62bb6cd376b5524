"""Arrays in, matplotlib figure out (brain.py is the only nilearn)."""
