"""A job of the fleet, carried out on this device: fetch, try apart, use, look at the service's health, go back."""
