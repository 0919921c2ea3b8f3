"""What a feature says to a person when it cannot do what was asked."""


class Refused(Exception):
    """The message is for the person: what happened, to what, and what to do next."""


class Wrong(Refused):
    """It is about one input of a form: `where` is the input's name."""

    def __init__(self, where: str, why: str) -> None:
        self.where = where
        super().__init__(why)
