"""The page that leads through a first setup: aim, hear, broker, Home Assistant, privacy, each with a test."""
