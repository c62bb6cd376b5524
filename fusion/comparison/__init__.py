"""Several arms: one family of tests, paired differences, ranks, likeness."""
