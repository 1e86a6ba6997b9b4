"""Measuring on the machine at hand: each stage alone, and the whole service from outside."""
