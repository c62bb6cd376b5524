"""What stands for a DNA encoder in a run."""
