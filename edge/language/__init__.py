"""The words that people read on the page and in Home Assistant, in each language. The terminal and the log stay
English."""
