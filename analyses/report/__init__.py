"""report.html and its sentences; templates/ moves here."""
