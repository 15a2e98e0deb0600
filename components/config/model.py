"""Base class for settings models, and the problems that rules report."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

LONGEST, END = 80, 30
"""Characters of a value that a message repeats, and how many of them are its last."""


class Problem(NamedTuple):
    """A problem in a stack file."""

    key: str
    """Path of the key in the YAML file: `cluster.workerPools[0].vmSize`."""
    text: str
    """Description of the problem and its remedy."""


Rule = Callable[[], Iterable[Problem]]
"""A check across several fields. It reports keys relative to its model."""


class Model(BaseModel):
    """Base class for a group of settings."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_is_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would take true as 1."""
        type_ = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and bool not in (type_, *get_args(type_)):
            raise ValueError(f"{shown(value)} has no meaning here")
        return value

    def rules(self) -> Iterable[Rule]:
        """Checks across several fields. They run separately, so that one failure does not hide another."""
        return ()


def suggestion(word: str, known: Iterable[str]) -> str:
    """Advice for an unknown word: the closest known words, or all of them."""
    known = list(known)
    near = get_close_matches(word, known, n=2)
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"


def joined(path: str, key: str) -> str:
    """The path of a key: `cluster.tier`."""
    return f"{path}.{key}" if path and key else path or key


def indexed(path: str, index: int) -> str:
    """The path of an item of a list: `teams[0]`."""
    return f"{path}[{index}]"


def shown(value: object) -> str:
    """A value in a message, as the stack file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(getattr(value, "text", value))
    value = re.sub(r"(://[^/\s:@]*):[^@\s]+@", r"\1:…@", value)  # a login in a URL
    return repr(value if len(value) <= LONGEST else f"{value[: LONGEST - END]}…{value[-END:]}")


def printable(text: str) -> str:
    """Text for one line of a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
