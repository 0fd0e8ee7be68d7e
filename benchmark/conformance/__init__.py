"""Does a codec keep its contract: `talkbench check`."""
