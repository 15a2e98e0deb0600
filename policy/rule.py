"""What a rule is, and its use on resources of which a preview does not know all values.

A rule is a pure function of a known value. Reading an unknown value ends the check of that one place: the
others are checked, and what was left out is told once for each rule.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import getitem
from typing import Any, NamedTuple

from pulumi_policy.proxy import UnknownValueError

from policy.stack import Stack

STACK = "pulumi:pulumi:Stack"
"""Type of the resource whose inputs are the stack's outputs."""


class Resource(NamedTuple):
    """A resource as the engine gets it: reading an unknown value of its inputs raises."""

    type: str
    name: str
    urn: str
    protect: bool
    inputs: Mapping[str, Any]
    secrets: frozenset[str] = frozenset()
    """Paths of the inputs that the program marks as secret."""
    stack: Stack = Stack()

    @property
    def label(self) -> str:
        """Type and name: `Release concourse`."""
        return f"{self.type.rpartition(':')[2]} {self.name}"


@dataclass(frozen=True)
class Place:
    """One value of a resource, which a rule looks at."""

    resource: Resource
    path: str
    read: Callable[[], Any]

    @property
    def value(self) -> Any:
        """The value, None if there is none. In a preview, reading an unknown one ends the check."""
        return self.read()


class Found(NamedTuple):
    """What a rule found at one resource."""

    resource: Resource
    violations: list[str]
    unknown: list[str]
    """Paths of the unknown values that hid others."""


Places = Callable[[Resource], Iterable[Place]]
Check = Callable[[Place], str | None]
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """A mandatory rule about each resource by itself."""

    name: str
    demands: str
    why: str
    comply: str
    """How to comply: what to change, or the setting."""
    places: Places
    check: Check
    """The violation at a place, or None."""

    def on(self, resource: Resource) -> Found:
        """All violations by a resource, and the unknown values that hid others."""
        found = Found(resource, [], [])
        places = iter(self.places(resource))
        while True:
            try:
                place = next(places, None)
                if place is None:
                    return found
                if violation := self.check(place):
                    found.violations.append(violation)
            except UnknownValueError as hidden:
                found.unknown.append(".".join(hidden.props))


WholeCheck = Callable[[Sequence[Resource]], Iterable[tuple[Resource, str]]]


@dataclass(frozen=True)
class StackRule:
    """A mandatory rule about all resources together: what one has to have beside it."""

    name: str
    demands: str
    why: str
    comply: str
    check: WholeCheck
    """Resources with their violations. It steps over unknown values itself."""

    def among(self, resources: Sequence[Resource]) -> list[Found]:
        """All violations."""
        return [Found(resource, [text], []) for resource, text in self.check(resources)]


AnyRule = Rule | StackRule


def rule(name: str, places: Places, *, demands: str, why: str, comply: str) -> Callable[[Check], Rule]:
    """Make a rule of its check."""
    return partial(Rule, name, demands, why, comply, places)


def stack_rule(name: str, *, demands: str, why: str, comply: str) -> Callable[[WholeCheck], StackRule]:
    """Make a rule about all resources of its check."""
    return partial(StackRule, name, demands, why, comply)


def whole(*types: str) -> Places:
    """A resource's inputs as one place; of all resources, or of some types."""

    def places(resource: Resource) -> Iterator[Place]:
        if not types or resource.type in types:
            yield Place(resource, "", lambda: resource.inputs)

    return places


def at(type_: str, *paths: str) -> Places:
    """Values at some paths of a type: `properties.networkAcls.defaultAction`. A missing one is None."""

    def places(resource: Resource) -> Iterator[Place]:
        if resource.type == type_:
            for path in paths:
                yield Place(resource, path, partial(value_at, resource.inputs, path))

    return places


def value_at(value: Any, path: str) -> Any:
    """The value at a path of keys, or None."""
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def chart_of(release: Resource) -> str:
    """Name of a release's chart, of a repository or of a file (components/kubernetes/charts.py, name_of)."""
    inputs = release.inputs
    return str(inputs.get("chart")).rpartition("/")[2].removesuffix(f"-{inputs.get('version')}.tgz")


def anywhere(*several: Places) -> Places:
    """The places of all of these."""

    def places(resource: Resource) -> Iterator[Place]:
        for each in several:
            yield from each(resource)

    return places


def named(key: str, usual: str) -> Places:
    """The values of a key of any resource, at any depth, upper or lower case.

    An unknown value hides nothing, unless it is on the way to the `usual` path of the key.
    """
    return keys(lambda name: name.lower() == key.lower(), usual)


def keys(wanted: Callable[[str], bool], usual: str = "") -> Places:
    """The values of all keys that are wanted, at any depth. `usual` is as in `named`."""

    def places(resource: Resource) -> Iterator[Place]:
        return _named(resource, resource.inputs, wanted, f"{usual}.", "")

    return places


def children(value: Any, path: str = "") -> dict[Any, str]:
    """Keys or indices of a value, each with its path. The SDK's proxies are neither dict nor list."""
    if isinstance(value, Mapping):
        return {name: f"{path}.{name}" if path else str(name) for name in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {index: f"{path}[{index}]" for index in range(len(value))}
    return {}


def _named(
    resource: Resource, value: Any, wanted: Callable[[str], bool], usual: str, path: str
) -> Iterator[Place]:
    for name, inner in children(value, path).items():
        place = Place(resource, inner, partial(getitem, value, name))
        yields = isinstance(name, str) and wanted(name)
        if yields:
            yield place
        try:
            yield from _named(resource, place.value, wanted, usual, inner)
        except UnknownValueError:
            if not yields and usual.startswith(f"{inner}."):
                yield place


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All known values inside a value with their paths, itself included."""
    yield path, value
    for name, inner in children(value, path).items():
        try:
            known = value[name]
        except UnknownValueError:
            continue
        yield from walk(known, inner)


def texts(resource: Resource) -> Iterator[Place]:
    """Each known text of a Helm release, a ConfigMap, a workload or a provider."""
    if resource.type.startswith(("kubernetes:", "pulumi:providers:")):
        for path, value in walk(resource.inputs):
            if isinstance(value, str):
                yield Place(resource, path, partial(str, value))


def variables(wanted: Callable[[str], Any]) -> Places:
    """The values of environment variables by name: `{name: PGSSLMODE, value: verify-full}`."""

    def places(resource: Resource) -> Iterator[Place]:
        if not resource.type.startswith("kubernetes:"):
            return
        for path, value in walk(resource.inputs):
            if isinstance(value, Mapping) and {"name", "value"} <= {*value}:
                try:
                    name = str(value["name"])
                except UnknownValueError:
                    continue
                if wanted(name):
                    yield Place(resource, f"{path}.{name}", partial(getitem, value, "value"))

    return places
