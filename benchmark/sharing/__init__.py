"""Results that leave one machine: submit, verify, merge."""
