"""What a run can be told."""
