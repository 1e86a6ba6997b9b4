"""For a first look without hardware: a sample scene, synthetic speech, a local broker."""
