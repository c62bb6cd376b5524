"""The demo's cohort."""
