"""One run: its inputs opened once, its keys, its record."""
