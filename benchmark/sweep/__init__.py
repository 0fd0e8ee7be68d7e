"""One run of a suite: what is missing, in which order, and the rows that it gives."""
