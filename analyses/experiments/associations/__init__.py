"""Parts of ``experiment: associate``: outcomes read, scores tested, sentences."""
