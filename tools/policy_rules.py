"""Writes docs/policy-rules.md, the list of the rules, from the rules themselves."""

from collections.abc import Iterator
from pathlib import Path

from policy.rules import SUBJECTS

PAGE = Path(__file__).parents[1] / "docs" / "policy-rules.md"
BEGIN = "<!-- `make generate` writes what follows -->\n"


def page() -> str:
    """The whole page; what is above the list stays."""
    return PAGE.read_text().partition(BEGIN)[0] + BEGIN + "".join(sections())


def sections() -> Iterator[str]:
    """A table for each subject, with a row for each rule."""
    for subject, rules in SUBJECTS.items():
        yield f"\n## {subject}\n\n| rule | what holds | why | how to comply |\n| --- | --- | --- | --- |\n"
        for rule in rules:
            yield f"| `{rule.name}` | {rule.demands} | {rule.why} | {rule.comply} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
