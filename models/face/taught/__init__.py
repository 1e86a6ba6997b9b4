"""The student learns a second time, with a teacher. Not what ships: see "tried" in the card of the face model."""
