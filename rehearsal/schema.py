"""Input names of each resource type at every level, and the required ones, from the SDKs.

The SDKs are generated from the providers' schemas, so the real provider drops or refuses an input
that no class here has.
"""

import functools
import importlib
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.properties import unknown

PACKAGES = {
    "azure-native": "pulumi_azure_native",
    "azuread": "pulumi_azuread",
    "kubernetes": "pulumi_kubernetes",
    "random": "pulumi_random",
    "tls": "pulumi_tls",
    "vault": "pulumi_vault",
}
FREE = {"kubernetes:helm.sh/v3:Release": {"values"}}
"""Inputs with free content."""


def problems(token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each (property, reason) of an input that the real provider would refuse."""
    args = arguments(token)
    if args is None:
        yield "", f"the SDK has no resource type {token}"
        return
    for name in required(args):
        if inputs.get(name) is None:
            yield name, "is required"
    yield from _unknown_keys(args, inputs, "", FREE.get(token, set()))


@functools.cache
def arguments(token: str) -> type | None:
    """The class of a resource type's inputs, `ManagedClusterArgs` for a ManagedCluster."""
    package, module, name = token.split(":")
    where = module.split("/")[0].lower()
    root = PACKAGES.get(package)
    if root is None:
        return None
    if package == "kubernetes":
        where = ".".join((module.split(".")[0].split("/")[0], module.rpartition("/")[2]))
    path = root if where == "index" else f"{root}.{where}"
    try:
        resource = getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError):
        return None
    beside = sys.modules[resource.__module__]
    return getattr(beside, name + "InitArgs", None) or getattr(beside, name + "Args", None)


def fields(args: type) -> dict[str, type | None]:
    """Wire name → the class of inputs below it, if there is one; the first if there are several."""
    return {name: next(iter(classes), None) for name, classes in choices(args).items()}


@functools.cache
def choices(args: type) -> dict[str, tuple[type, ...]]:
    """Wire name → the classes of inputs below it, of which each object is one."""
    module = vars(sys.modules[args.__module__])
    getters = [member.fget for member in vars(args).values() if hasattr(member, "fget")]
    return {
        getter._pulumi_name: tuple(_classes(getter.__annotations__.get("return"), module))  # noqa: SLF001
        for getter in getters
    }


@functools.cache
def required(args: type) -> tuple[str, ...]:
    """Wire names of the required inputs."""
    parameters = [p for p in inspect.signature(args).parameters.values() if p.kind is p.KEYWORD_ONLY]
    wire = {name: m.fget._pulumi_name for name, m in vars(args).items() if hasattr(m, "fget")}  # noqa: SLF001
    return tuple(wire.get(p.name, p.name) for p in parameters if p.default is p.empty)


def _classes(hint: Any, module: dict[str, Any]) -> Iterator[type]:
    """The input classes in a type hint such as `Input[Optional[Sequence[Input['XArgs']]]]`."""
    named = hint
    if isinstance(hint, typing.ForwardRef):  # 'XArgs', or '_core.v1.XArgs'
        head, *rest = hint.__forward_arg__.split(".")
        named = functools.reduce(lambda at, name: getattr(at, name, None), rest, module.get(head))
    if isinstance(named, type) and getattr(named, "_pulumi_input_type", False):
        yield named
    for inner in typing.get_args(hint):
        yield from _classes(inner, module)


def _unknown_keys(
    args: type, given: Mapping[str, Any], place: str, free: set[str]
) -> Iterator[tuple[str, str]]:
    known = choices(args)
    for key, value in given.items():
        if key.startswith("__") or key in free or (unknown(value) and isinstance(value, str)):
            continue
        here = f"{place}.{key}" if place else key
        if key not in known:
            yield here, f"is no input of {args.__name__.removesuffix('Args').removesuffix('Init')}"
        elif below := known[key]:
            yield from _below(below, value, here)


def _below(classes: tuple[type, ...], value: Any, here: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(classes, item, f"{here}[{index}]")
    elif isinstance(value, Mapping):
        args = min(classes, key=lambda each: len({*value} - {*fields(each)}))
        named = (
            value and not {*value} & {*fields(args)} and all(isinstance(v, Mapping) for v in value.values())
        )
        for key, item in value.items() if named else ():  # a map of named objects
            yield from _below(classes, item, f"{here}.{key}")
        if not named:
            yield from _unknown_keys(args, value, here, set())
