"""The one error that the pack raises for what cannot work."""


class BendError(ValueError):
    """What was asked, what was there, and what to do about it, in one message for a person."""

    __module__ = "attention_bending"  # ComfyUI shows it, and would show a path of its own making
