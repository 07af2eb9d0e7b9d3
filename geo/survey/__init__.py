"""Survey rooms: read, check, mend, overlay, claims, grades."""
