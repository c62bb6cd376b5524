"""Experiments: configuration, command line, tracking, report."""
