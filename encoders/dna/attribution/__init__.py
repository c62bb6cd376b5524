"""What a network looks at: attention, motifs."""
