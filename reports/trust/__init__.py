"""Why the numbers can be believed, and where they cannot."""
