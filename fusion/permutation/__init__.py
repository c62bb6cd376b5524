"""The in-sample test: who may be exchanged, what is permuted, what is computed, what is reported."""
