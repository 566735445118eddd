"""Waiting for what must come: a condition and a deadline, never a pause and a hope."""

import os
import time

# How long anything may take that should come at once. Generous, since it is only ever used up by a failure.
DEADLINE = float(os.environ.get("LAB_DEADLINE", "15"))


class Late(AssertionError):
    """What was waited for did not come in time."""


def eventually(condition, what=None, within=None):
    """The first true value of `condition()`. Raises Late, naming `what` and the last value, if none comes."""
    end = time.monotonic() + (within or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise Late(f"waited {within or DEADLINE:g} s for {text or condition}; last seen: {value!r}")
        time.sleep(0.01)
