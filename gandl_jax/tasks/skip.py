"""Why a task does not apply to a screen."""


class Skip(Exception):
    """The screen lacks what the task needs; the message is the reason, in words."""
