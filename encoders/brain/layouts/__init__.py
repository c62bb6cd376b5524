"""One file a layout in which brain features are exported."""
