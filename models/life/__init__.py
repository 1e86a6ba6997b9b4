"""Scenes of people at rest who then feel something, run through the real pipeline: how the product does in life."""
