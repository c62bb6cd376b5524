"""The aligners: one file a method."""
