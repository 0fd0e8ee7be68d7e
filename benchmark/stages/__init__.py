"""The stages of the data path, and the jobs that call them."""
