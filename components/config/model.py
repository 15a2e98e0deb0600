"""Base class for settings models, and the problems that rules report."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


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

    def rules(self) -> Iterable[Rule]:
        """Checks across several fields. They run separately, so that one failure does not hide another."""
        return ()


def suggestion(word: str, known: Iterable[str]) -> str:
    """Advice for an unknown word: the closest known words, or all of them."""
    known = list(known)
    near = get_close_matches(word, known, n=2)
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"
