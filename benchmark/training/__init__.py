"""How small weights are trained: the loop, its state, cards and figures."""
