"""Before any data exist: noise, threshold, power."""
