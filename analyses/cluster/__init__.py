"""Who does which part of the work: shards, joblib, dask."""
