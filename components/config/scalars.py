"""Types of scalars without quotes, as the engine reads them (go.yaml.in/yaml/v3, resolve.go).

PyYAML follows YAML 1.1: `no` would be false, `1:30` would be 90. There both are text.
"""

import re
from datetime import date
from typing import Any

WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?(0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|[1-9][0-9]*|0)")
DECIMAL = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
DATE = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)")


class WrittenInt(int):
    """A whole number that is not written as Python writes it."""

    text = ""


class WrittenFloat(float):
    """A decimal that is not written as Python writes it: 1.30."""

    text = ""


def typed(text: str) -> Any:
    """The value of a scalar without quotes. Numbers keep their text for messages, as `text`."""
    if text in WORDS:
        return WORDS[text]
    plain = text.replace("_", "")
    found: WrittenInt | WrittenFloat | None = None
    try:
        if INTEGER.fullmatch(plain):
            found = WrittenInt(plain, 8 if re.match(r"[-+]?0[0-7]", plain) else 0)
        elif DECIMAL.fullmatch(plain):
            found = WrittenFloat(re.sub(r"\.(?=[iIn])", "", plain, flags=re.IGNORECASE))
        elif day := DATE.fullmatch(text):
            return date(*map(int, day.groups()))
    except ValueError:  # no such day, or more digits than Python reads
        return text
    if found is None:
        return text
    found.text = text
    return found
