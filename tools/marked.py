"""YAML with the line of each key, and models read from it that say what is wrong where."""

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
At = tuple[str | int, ...]
"""Keys and indexes down to a place in a file."""


class Problem(NamedTuple):
    file: Path
    line: int
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where}: {self.text}".replace(": : ", ": ")


class Source:
    """A YAML file with the line of each key."""

    def __init__(self, file: Path, root: Path) -> None:
        self.file, self.lines = file.relative_to(root), dict[At, int]({(): 1})
        self.problems: list[Problem] = []
        loader = yaml.SafeLoader(file.read_text())
        try:
            node = loader.get_single_node()
            self.data: Any = self._value(loader, node, ()) if node else None
        except yaml.MarkedYAMLError as broken:
            line = broken.problem_mark.line + 1 if broken.problem_mark else 1
            self.problems.append(Problem(self.file, line, "", f"no YAML: {broken.problem}"))
            self.data = None
        finally:
            loader.dispose()

    def _value(self, loader: yaml.SafeLoader, node: yaml.Node, at: At) -> object:
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(loader, item, (*at, index)) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return loader.construct_object(node)
        own = [str(key.value) for key, _ in node.value]
        for key, number in Counter(own).items():
            if number > 1 and key != "<<":
                self.tell(at, "", f"the key {key!r} is there {number} times")
        loader.flatten_mapping(node)
        found: dict[Any, object] = {}
        for key, item in node.value:
            name = loader.construct_object(key)
            self.lines[*at, name] = key.start_mark.line + 1
            found[name] = self._value(loader, item, (*at, name))
        return found

    def tell(self, at: At, where: str, text: str) -> None:
        while at not in self.lines:
            at = at[:-1]
        self.problems.append(Problem(self.file, self.lines[at], where, text))

    def read(self, model: type[M], given: object, at: At, where: str) -> M | None:
        """A value as a model, or every reason why it is none."""
        try:
            return model.model_validate(given)
        except ValidationError as failed:
            for error in failed.errors(include_url=False):
                loc = tuple(_within(given, error["loc"]))
                key = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in loc)
                if error["type"] == "extra_forbidden":
                    text, key = f"unknown field {error['loc'][-1]!r}{_near(error['loc'][-1], model)}", ""
                elif error["type"] == "missing":
                    text, key = f"{error['loc'][-1]} is missing", "" if len(error["loc"]) == 1 else key
                elif error["type"] == "value_error":
                    text = str(error["ctx"]["error"])
                else:
                    text = error["msg"][0].lower() + error["msg"][1:]
                self.tell((*at, *loc), where + key, text)
            return None


def _within(given: Any, loc: At) -> Iterator[str | int]:
    """The part of an error's place that is in the value; models' own names are left out."""
    for key in loc:
        inside = key in given if isinstance(given, dict) else isinstance(given, list) and isinstance(key, int)
        if inside:
            given = given[key]
            yield key


def _near(word: object, model: type[BaseModel]) -> str:
    near = get_close_matches(str(word), model.model_fields, n=1)
    return f"; did you mean {near[0]}?" if near else ""
