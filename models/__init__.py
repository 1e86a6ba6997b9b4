"""The models that ship and the recipes that made them. Recipes need the `train` extra; the service has no use for it."""
