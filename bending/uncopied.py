"""Things that are found again by being the same one."""


class Uncopied:
    """Copies as itself, deeply too: who copies what holds it, as node packs copy a model's options, still holds it."""

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self
