"""Windows of the sampling, values that move, and which layers, heads and frames."""
