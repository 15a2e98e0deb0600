"""The base of every settings model, and what a rule reports."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Problem(NamedTuple):
    """Something wrong in a stack file."""

    key: str
    """Where, as written in YAML: `cluster.workerPools[0].vmSize`."""
    text: str
    """What is wrong and what would be right."""


Rule = Callable[[], Iterable[Problem]]
"""A rule over several fields; reports under keys relative to its model."""


class Model(BaseModel):
    """Settings of one thing."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )

    def rules(self) -> Iterable[Rule]:
        """The rules over several fields; apart, so that one does not hide another."""
        return ()


def suggestion(word: str, known: Iterable[str]) -> str:
    """What to say of a word that is none of those known."""
    known = list(known)
    near = get_close_matches(word, known, n=2)
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"
