"""The kinds of models that can be bent, one file each."""
