"""MQTT discovery: one message that describes every entity of the device to Home Assistant, and who publishes it."""
