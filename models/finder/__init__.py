"""The face finder: its recipe, its judge and its card."""
