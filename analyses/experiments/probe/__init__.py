"""``experiment: probe``: linear probes of frozen vectors on labelled sequences, trained minus untrained."""
