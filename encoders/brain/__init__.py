"""Brain tables and connectivity."""
