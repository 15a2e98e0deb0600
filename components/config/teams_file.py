"""Teams in a file of their own, for stacks with more of them than the stack file can hold.

The engine passes all configuration in one variable of at most 128 KiB. The file is not part of it: the
program reads `teamsFile` from the checkout.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.config.model import Problem, suggestion
from components.config.stack_file import PROJECT, UnreadableError, read_document

TEAMS, TEAMS_FILE = f"{PROJECT}:teams", f"{PROJECT}:teamsFile"
NAME = r"teams/[A-Za-z0-9_-]+\.yaml"


def with_teams(config: Mapping[str, Any], root: Path) -> tuple[dict[str, Any], list[Problem]]:
    """A stack file's `config` with the teams of its `teamsFile`, and that file's problems of form."""
    given, name = dict(config), config.get(TEAMS_FILE)
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        return given, []  # there is none, or the settings refuse its name
    if TEAMS in config:
        return given, [Problem("teamsFile", "the stack file has teams too; keep them in one of the two")]
    try:
        found, problems = read_document((root / name).read_bytes())
    except OSError as failed:
        return given, [Problem("teamsFile", f"{name} cannot be read: {failed.strerror}")]
    except UnreadableError as broken:
        found, problems = {}, [broken.problem]
    problems += [
        Problem(key, f"unknown key; {suggestion(key, ['teams'])}") for key in found if key != "teams"
    ]
    if "teams" in found:
        given[TEAMS] = found["teams"]
    elif not problems:
        problems.append(Problem("teams", "missing; write the teams below it, as in a stack file"))
    return given, [Problem(f"{name}: {problem.key}", problem.text) for problem in problems]


def located(problems: Iterable[Problem], config: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems in the settings, those of teams in the file that has them.

    Without teams because of a problem of the file, that they are missing is no other problem.
    """
    name = config.get(TEAMS_FILE)
    for problem in problems:
        if not name or not re.match(r"teams\b(?!File)", problem.key):
            yield problem
        elif TEAMS in config:
            yield Problem(f"{name}: {problem.key}", problem.text)
