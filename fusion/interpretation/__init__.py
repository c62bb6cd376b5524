"""What the components are made of, and how sure that is."""
