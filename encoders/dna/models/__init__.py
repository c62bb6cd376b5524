"""One file a named encoder."""
