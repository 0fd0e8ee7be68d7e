"""Statistics over scores: curves, BD-rates, pairs, ranks and their intervals."""
