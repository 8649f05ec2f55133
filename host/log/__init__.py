"""What an experiment was, off its graph."""
