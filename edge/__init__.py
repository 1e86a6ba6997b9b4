"""Emotion Edge: how the people in front of a small device seem to feel, told on MQTT, media kept in."""

__version__ = "0.1.0"
