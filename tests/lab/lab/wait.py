"""Waiting for what must come: a condition and a deadline, never a pause and a hope."""

import os
import time

# How long anything may take that should come at once. Generous, since it is only ever used up by a failure.
DEADLINE = float(os.environ.get("LAB_DEADLINE", "15"))


class Late(AssertionError):
    """What was waited for did not come in time."""


def eventually(condition, what=None, within=None):
    """The first true value of `condition()`. Raises Late, naming `what` and the last value, if none comes. The last look is begun when
    the time is up: what is true then has come in time, however long the look before took."""
    end = time.monotonic() + (within or DEADLINE)
    while True:
        begun, value = time.monotonic(), condition()
        if value:
            return value
        if begun > end:
            text = what() if callable(what) else what
            raise Late(f"waited {within or DEADLINE:g} s for {text or condition}; last seen: {value!r}")
        time.sleep(0.01)
