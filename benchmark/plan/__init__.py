"""What a sweep is to do: the suite, and its cells."""
