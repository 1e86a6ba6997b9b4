"""The words that people read on the page, in Home Assistant, in the wizard and of the doctor, in each language. The
rest of the terminal and the log stay English."""
