"""What is right and wrong with a device, each with its remedy: `emotion-edge doctor` and `request/doctor`."""
