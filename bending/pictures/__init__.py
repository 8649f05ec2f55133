"""Pictures of maps and films."""
