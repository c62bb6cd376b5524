"""``experiment: harmonise``: sites of a brain view brought together, and what that changes."""
