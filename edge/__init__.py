"""Emotion Edge: how the people in front of a small device seem to feel, told on MQTT, media kept in."""

from edge.version import __version__

__all__ = ["__version__"]
