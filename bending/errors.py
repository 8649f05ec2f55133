"""The one error that the pack raises for what cannot work."""


class BendError(ValueError):
    """What was asked, what was there, and what to do about it, in one message for a person.

    `field` names the one parameter that the message speaks of, by its name in the code; None where it is about several,
    or about none. Files find their line by it. `offers` are texts that this parameter could have instead, likeliest
    first. `node` is the node that the message is about, where that is another than the one that raises it.
    """

    __module__ = "attention_bending"  # ComfyUI shows it, and would show a path of its own making

    def __init__(self, message: str, field: str | None = None, offers: tuple[str, ...] = (), node: str | None = None):
        super().__init__(message)
        self.field, self.offers, self.node = field, offers, node

    def within(self, where: str, node: str | None = None) -> "BendError":
        """The same error with `where` it happened in front, and the `node` that it is about, if it says none itself."""
        return BendError(f"{where}: {self}", self.field, self.offers, self.node or node)
