"""Models that the owner installed beside the shipped ones: read with distrust, tried, kept, taken back."""
