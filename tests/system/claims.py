"""What cases say of themselves: what they claim, and why they were left out."""
from lab import Postern


LONG = False  # the full counts are asked for


class Skip(Exception):
    pass


def is_postern(gate):
    return isinstance(gate, Postern)


def needs_postern(gate):
    if not is_postern(gate):
        raise Skip("needs Postern")


def expect(true, text):
    if not true:
        raise AssertionError(text)
