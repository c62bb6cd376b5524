"""One file an experiment (audit, dims, tune) and the registry."""
