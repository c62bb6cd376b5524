"""From reference, annotation and variants to distinct sequences."""
