"""Late fusion: how much face and voice weigh when both speak."""
