"""The algebra: exact bends of one attention, its map never built."""
