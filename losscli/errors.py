"""What can go wrong, as one small tree; each class knows its exit code.

    LossError
    ├── UsageError      2   what was asked for does not make sense
    ├── InputError      3   a file, an array or a value is refused
    └── OutputError    74   the answer could not be written

An infinite value (exit 4) and a failed gate (exit 1) are answers, not errors: see `results.py` and `gates.py`.
"""


class LossError(Exception):
    """Base of everything losscli raises on purpose. Its text is one line, as the command line prints it."""

    exit_code = 70


class UsageError(LossError):
    """An unknown loss, a bad parameter, an ambiguous column: exit code 2."""

    exit_code = 2


class InputError(LossError):
    """Input that is missing, unreadable, malformed, inconsistent or out of the loss's domain: exit code 3."""

    exit_code = 3


class OutputError(LossError):
    """The answer could not be written: exit code 74."""

    exit_code = 74


class RowCountError(InputError):
    """Files of different length, whose rows are paired by position; what the loss has to say of it may follow."""


class BadValueError(InputError):
    """A value that its role does not allow. The reader of a file knows where it stands and puts the place in front.

    `row` and `column` count within the arrays given; `column` is None where the whole row is meant.
    """

    def __init__(self, role: str, row: int, column: int | None, what: str) -> None:
        place = f"[{row}]" if column is None else f"[{row}, {column}]"
        super().__init__(f"{role}{place}: {what}")
        self.role, self.row, self.column, self.what = role, row, column, what
