"""Text of strangers on its way to a terminal or a log: whatever a terminal would act upon is shown instead."""

from __future__ import annotations

import logging

MAX_LENGTH = 500
_MAX_LOGGED = 2_000
_CONTINUED = "\n    "


def printable(text: object, limit: int = MAX_LENGTH) -> str:
    """`text` as one line in which every character is visible: no escapes, no line ends, no change of direction.

    A message, a file name or a device's own name may hold sequences that clear a screen, set its title, write to the
    clipboard or forge a line of a log. They come out as `\\\\x1b[2J`. What is longer than `limit` is cut off with `…`.
    """
    line = str(text)
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else _shown(each) for each in line)


def printable_lines(text: object, limit: int = MAX_LENGTH) -> list[str]:
    """The same for a text of our own that has several lines, each of which may quote somebody."""
    return [printable(line, limit) for line in str(text).split("\n")]


class PrintableRecords(logging.Filter):
    """For a log handler: what a record quotes cannot act upon a terminal, nor look like a record of its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _CONTINUED.join(printable_lines(record.getMessage(), _MAX_LOGGED))
        record.args = ()
        if record.exc_info and not record.exc_text:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_text = "\n".join(printable_lines(text, _MAX_LOGGED))
        return True


def _shown(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
