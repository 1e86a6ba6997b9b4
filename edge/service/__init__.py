"""The running service: its loop, its threads, and how they are put together."""
