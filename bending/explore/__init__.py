"""Many films of one bending, and the log of them."""
