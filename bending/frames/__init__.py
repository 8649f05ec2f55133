"""The grid of a film, its frames, and masks over them."""
