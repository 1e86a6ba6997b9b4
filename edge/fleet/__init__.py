"""Many devices: what they say, collected into SQL exactly once, and what may be asked of it. Runs beside a broker."""
