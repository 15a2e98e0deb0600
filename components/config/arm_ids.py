"""IDs of Azure resources in a stack file: what they must be, and one spelling of each."""

import re
from collections.abc import Callable, Sequence

from components.config.model import shown

GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAME = r"[-\w.()]{1,90}"
_ABOVE = (("subscriptions", GUID), ("resourceGroups", NAME))
Segment = tuple[str, str]
"""A word of an ID and the pattern of what follows it."""


def arm_id(what: str, provider: str, *segments: Segment) -> Callable[[str], str]:
    """Spells the ID of a resource in a resource group as Azure's documentation does, or raises ValueError.

    Azure compares IDs without regard to case, and its tools print several spellings, such as `resourcegroups`
    (learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules).
    """
    expected = (*_ABOVE, ("providers", provider), *segments)
    last = "".join(f"/{word}/…" for word, _ in segments)

    def spelled(value: str) -> str:
        spelling, wrong = _compared(value, expected)
        if wrong:
            known = f"/subscriptions/…/providers/{provider}{last}"
            raise ValueError(f"{shown(value)} is not {what}: {known}; {wrong}")
        return spelling

    return spelled


def _compared(value: str, expected: Sequence[Segment]) -> tuple[str, str]:
    """The ID in the spelling of `expected`, and the first difference that matters."""
    start, *words = value.split("/")
    spelling = ""
    if start or not words:
        return spelling, "it starts with /subscriptions/"
    for word, pattern in expected:
        if not words:
            return spelling, f"it ends before /{word}/"
        given, *rest = words
        if given.lower() != word.lower():
            return spelling, f"{shown(given)} should be {word}"
        name, *words = rest or [""]
        if word == "providers":
            name = pattern if name.lower() == pattern.lower() else name
        elif word == "subscriptions":
            name = name.lower()
        if name != pattern and not re.fullmatch(pattern, name):
            return spelling, f"{shown(name)} cannot be after /{word}/"
        spelling += f"/{word}/{name}"
    return spelling, f"{shown('/' + '/'.join(words))} is too much" if words else ""
