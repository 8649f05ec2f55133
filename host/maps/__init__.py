"""What a run keeps of its maps."""
