"""Parts of ``experiment: stratify``: labels read, strata compared, sentences."""
