"""DNA encoders: strings in, vectors out."""
