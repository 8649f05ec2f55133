"""Recorded maps: values, numbers, words and files."""
