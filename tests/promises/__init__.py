"""Promises that were once broken, each replayed against a real running service."""
