"""torch modules in published layouts."""
