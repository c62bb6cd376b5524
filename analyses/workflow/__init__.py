"""The stages in order, shared out, planned, or written as SLURM."""
