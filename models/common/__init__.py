"""What every recipe shares: metrics, calibration, and writing a manifest."""
