"""The one error that the pack raises for what cannot work."""


class BendError(ValueError):
    """What was asked, what was there, and what to do about it, in one message for a person.

    `field` names the one parameter that the message speaks of, by its name in the code; None where it is about several,
    or about none. Files find their line by it. `offers` are texts that this parameter could have instead, likeliest
    first.
    """

    __module__ = "attention_bending"  # ComfyUI shows it, and would show a path of its own making

    def __init__(self, message: str, field: str | None = None, offers: tuple[str, ...] = ()):
        super().__init__(message)
        self.field, self.offers = field, offers

    def within(self, where: str) -> "BendError":
        """The same error with `where` it happened in front."""
        return BendError(f"{where}: {self}", self.field, self.offers)
