"""Many devices on real brokers and a real database, with faults in the middle: `scripts/fleet-test`."""
