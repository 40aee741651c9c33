"""How the output formats are written and opened again. Imported in worker processes only."""
