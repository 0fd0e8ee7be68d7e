"""What everything else may use: errors, hashes, files, names, progress, the machine."""
