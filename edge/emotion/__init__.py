"""From readings and time to a state: pure, the time is passed in."""
