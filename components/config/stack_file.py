"""Reads the form of a stack file: its encoding, YAML and keys. `components/settings.py` has the values.

The engine reads the same file, with go.yaml.in/yaml/v3. What that refuses is refused here, with the line and
a remedy.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import yaml

from components.config.model import Problem, indexed, joined, suggestion
from components.config.scalars import typed

PROJECT = "platform"
KNOWN = ("config", "encryptionsalt", "encryptedkey", "secretsprovider")
"""Keys of a stack file (github.com/pulumi/pulumi, sdk/go/common/workspace/project.go, ProjectStack).
`environment` is missing: it needs Pulumi Cloud, and the state is in a container of your own."""
LARGEST_KB = 120
"""Configuration that the engine can pass: it starts programs with all of it in one variable.
Linux limits a variable to 128 KiB (execve(2), MAX_ARG_STRLEN), see pulumi/pulumi#20402. The rest is for the
escapes of Go's JSON, secrets, and the configuration of Pulumi.yaml."""
MOST_VALUES = 250_000
"""Values of a file with its aliases expanded. A file of this size is far above LARGEST_KB."""
DEEPEST = 30
"""Levels of lists and keys. Settings have ten."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C version is ten times as fast."""

CONTROL = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML forbids (yaml.org/spec/1.2.2, c-printable)."""
CONFLICT = re.compile(r"^(<{7}|>{7})( .*)?$", re.MULTILINE)


class StackFile(NamedTuple):
    """What a stack file says."""

    config: dict[str, Any] | None
    """None if the file cannot be read."""
    problems: list[Problem]


class UnreadableError(Exception):
    """A problem after which nothing else in the file can be read."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(key, text)


def read_stack_file(content: bytes) -> StackFile:
    """The `config` of a stack file with all problems of its form."""
    try:
        found, problems = read_document(content)
    except UnreadableError as broken:
        return StackFile(None, [broken.problem])
    problems += _strange_keys(found)
    config = found.get("config")
    if not isinstance(config, dict):
        wrong = "is no section" if "config" in found else "missing"
        text = f"{wrong}; write the settings below it as keys, as in Pulumi.demo.yaml"
        return StackFile(None, [*problems, Problem("config", text)])
    return StackFile(config, problems)


def read_document(content: bytes) -> tuple[dict[str, Any], list[Problem]]:
    """The keys of a YAML file and the problems of its form. Raises UnreadableError."""
    reader = Reader(_decoded(content))
    return reader.document(), reader.problems


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        raise UnreadableError("line 1", "the file is in UTF-16 or UTF-32; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        line, byte = content.count(b"\n", 0, broken.start) + 1, content[broken.start]
        raise UnreadableError(
            f"line {line}", f"the byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
        ) from None
    for pattern, words in (
        (
            CONTROL,
            "the character {!a} cannot be in a file; remove it, or write it as an escape in double quotes",
        ),
        (CONFLICT, "{!r} is left from a merge; keep one side, and remove the three lines of marks"),
    ):
        if found := pattern.search(text):
            line = text.count("\n", 0, found.start()) + 1
            raise UnreadableError(f"line {line}", words.format(found[0]))
    return text


def _strange_keys(found: dict[str, Any]) -> Iterator[Problem]:
    for key in found:
        if ":" in key:
            yield Problem(key, "stands beside `config:`; indent it, so that it is below")
        elif key not in KNOWN:
            yield Problem(key, f"unknown key; {suggestion(key, KNOWN)}")


class Reader:
    """Builds the values of a file, each with its path for messages."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._events = yaml.parse(text, LOADER)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def document(self) -> dict[str, Any]:
        """The keys of the file's only document."""
        found = None
        try:
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    if found is not None:
                        raise UnreadableError(_line(event), "a second document starts with ---; remove it")
                    found = self._value(next(self._events), "", 0)
        except yaml.MarkedYAMLError as broken:
            raise UnreadableError(*_explained(broken)) from None
        except yaml.YAMLError as broken:
            raise UnreadableError("line 1", f"this is not YAML: {broken}") from None
        return found if isinstance(found, dict) else {}

    def _value(self, event: Any, path: str, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            value, values = self._anchors.get(event.anchor or "", (None, 0))
            if not values:
                text = f"*{event.anchor} names no anchor before it; write &{event.anchor} at the value meant"
                raise UnreadableError(_line(event), text)
            self._count(values, event)
            return value
        if depth > DEEPEST:
            raise UnreadableError(_line(event), f"more than {DEEPEST} levels; no setting is as deep")
        before = self._values
        self._count(1, event)
        if isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path, depth)
        else:
            value = typed(event.value) if event.implicit[0] else event.value
        if event.tag and event.tag != "!":
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.problems.append(
                Problem(path or _line(event), f"the tag {shown} has no meaning here; remove it")
            )
        if event.anchor:
            self._anchors[event.anchor] = value, self._values - before
        return value

    def _count(self, values: int, event: yaml.Event) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise UnreadableError(_line(event), f"more than {MOST_VALUES:,} values{_limit()}")

    def _sequence(self, path: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, indexed(path, len(found)), depth + 1))
        return found

    def _mapping(self, path: str, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, str] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or not event.value:
                text = "a key is text; this one is empty, a list or keys. Put text with { in quotes"
                raise UnreadableError(_line(event), text)
            key, plain = event.value, event.implicit[0]
            name = key.removeprefix(f"{PROJECT}:")
            inner = name if path == "config" else joined(path, name)
            value = self._value(next(self._events), inner, depth + 1)
            if key == "<<" and plain:
                merged |= self._merged(value, path or _line(event))
                continue
            if name in lines:
                text = f"set twice, in {lines[name]} and in {_line(event)}; keep one of them"
                self.problems.append(Problem(inner or _line(event), text))
            lines[name] = _line(event)
            own[key] = value
        return merged | own

    def _merged(self, value: Any, path: str) -> dict[str, Any]:
        each = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in each):
            text = "<< takes an alias of keys, such as <<: *name; this is none"
            self.problems.append(Problem(path, text))
            return {}
        return {key: inner for one in reversed(each) for key, inner in one.items()}


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"


def _explained(broken: yaml.MarkedYAMLError) -> tuple[str, str]:
    mark = broken.problem_mark or broken.context_mark
    line = f"line {mark.line + 1}" if mark else "line 1"
    if re.search("cannot start any token|tab character", str(broken.problem)):
        return line, "a tab, @, ` or % cannot begin here; indent with spaces, and put such text in quotes"
    begun = f", {broken.context}" if broken.context else ""
    hint = "look for indentation, quotes and brackets here and above"
    return line, f"this is not YAML: {broken.problem or broken}{begun}; {hint}"


def _limit() -> str:
    return (
        f"; the engine passes all configuration in one variable of at most 128 KiB, so leave {LARGEST_KB} KiB"
        " at most"
    )


def too_large(config: dict[str, Any]) -> Iterator[Problem]:
    """A problem if the engine cannot pass this configuration."""
    dumps = partial(json.dumps, default=str, ensure_ascii=False, separators=(",", ":"))
    passed = {key: value if isinstance(value, str) else dumps(value) for key, value in config.items()}
    if (size := len(dumps(passed).encode())) > LARGEST_KB * 1024:
        yield Problem("config", f"has {size / 1024:,.0f} KiB{_limit()}")
