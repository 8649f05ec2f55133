"""The toy: a Wan model small enough for the repository, and the world of coloured shapes it is trained on."""
