"""The models that ship and the recipes that made them; the service needs only what they leave behind."""
