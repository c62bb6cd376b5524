"""Reference-anchored tiles; distinct sequences; the window table."""
