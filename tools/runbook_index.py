"""Writes the tables of alerts in docs/runbooks/README.md from the rules and the runbooks."""

from collections.abc import Iterator
from pathlib import Path

from components.monitoring.alert_rules import rules

RUNBOOKS = Path(__file__).parents[1] / "docs" / "runbooks"
PAGE = RUNBOOKS / "README.md"
BEGIN, END = "<!-- `make generate` writes these tables -->\n", "\n## Procedures\n"


def page() -> str:
    """The whole page; what is above and below the tables stays."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    return head + BEGIN + "".join(tables()) + END + rest.partition(END)[2]


def tables() -> Iterator[str]:
    """A table for each file of rules, with a row for each alert."""
    for file, groups in rules(""):
        yield f"\n### {file.capitalize()}\n\n| alert | severity | meaning |\n| --- | --- | --- |\n"
        for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
            name, severity = rule["alert"], rule["labels"]["severity"]
            yield f"| [{name}]({name}.md) | {severity} | {meaning(RUNBOOKS / f'{name}.md')} |\n"


def meaning(runbook: Path) -> str:
    """The first sentence below the title and the command."""
    paragraph = " ".join(runbook.read_text().split("\n\n")[2].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."


if __name__ == "__main__":
    PAGE.write_text(page())
