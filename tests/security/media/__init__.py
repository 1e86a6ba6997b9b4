"""Everything that the running service writes to network and disk, captured and searched for pictures and sound."""
