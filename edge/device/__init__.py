"""What the machine is and may: board, pins, clock, paths, identity, systemd, hardening, the privacy gate."""
