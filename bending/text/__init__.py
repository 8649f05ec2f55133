"""From words to columns."""
