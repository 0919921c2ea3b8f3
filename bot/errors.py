"""What a feature says to a person when it cannot do what was asked."""


class Refused(Exception):
    """The message is for the person: what happened, to what, and what to do next."""
