"""DNA and brain encoders: sequences and scans in, float32 vectors out."""
