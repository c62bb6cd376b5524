"""One gene view against one brain view, and arms compared."""
