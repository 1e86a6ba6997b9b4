"""Readings for other worlds: robots, research, art. Each bridge reads one device from its broker and passes it on."""
