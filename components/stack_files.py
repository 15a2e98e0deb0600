"""The stack files of a project: each read and validated, and compared with the others.

`python -m deploy` and `pulumi up` both come here, so that they refuse the same files with the same words.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pulumi import Config, get_stack, log
from pulumi.runtime.config import CONFIG, get_config_env

from components import rules
from components.config.model import Problem
from components.config.secrets import plain_secrets
from components.config.stack_file import PROJECT, StackFile, read_stack_file, too_large
from components.config.teams_file import located, with_teams
from components.kubernetes import chart_lock
from components.kubernetes.charts import FOLDER, pinned
from components.settings import Settings, SettingsError, validate

ROOT = chart_lock.PROJECT


def stacks(root: Path = ROOT) -> list[str]:
    """The stacks with a stack file."""
    return sorted(file.name.split(".")[1] for file in root.glob("Pulumi.*.yaml"))


def stack_settings(stack: str, root: Path = ROOT) -> Settings:
    """A stack's settings. Raises SettingsError with every problem of its file."""
    found = _of(stack, root)
    if problems := list(_clashes(stack, found, root)):
        raise SettingsError(stack, problems)
    return found


def stack_config(stack: str, root: Path = ROOT) -> dict[str, Any]:
    """The `config` of a stack file, with all teams. Raises SettingsError if it cannot be read."""
    return with_teams(written_config(stack, root), root)[0]


def written_config(stack: str, root: Path = ROOT) -> Mapping[str, Any]:
    """The `config` of a stack file as it is written. Raises SettingsError if it cannot be read."""
    config, problems = _read(_content(stack, root))
    if config is None:
        raise SettingsError(stack, problems)
    return config


def load(config: Config, root: Path = ROOT) -> Settings:
    """The settings of the running stack. Raises SettingsError."""
    stack = get_stack()
    if stack in stacks(root):  # not with `pulumi --config-file`
        stack_settings(stack, root)
    # `Config` reads single keys by name. Only its module can list the keys.
    given = {key: decoded(value) for key, value in {**get_config_env(), **CONFIG.get()}.items()}
    settings = _checked(given, stack, root, config.name)
    charts, folder = pinned(settings.charts).values(), chart_lock.PROJECT / FOLDER
    if wrong := list(chart_lock.changed(charts, chart_lock.digests(), folder)):
        raise SettingsError(stack, wrong)
    for warning in chart_lock.unverified(charts, chart_lock.digests(), folder):
        log.warn(warning)
    return settings


def _content(stack: str, root: Path) -> bytes:
    try:
        return (root / f"Pulumi.{stack}.yaml").read_bytes()
    except OSError as failed:
        raise SettingsError(stack, [Problem("(file)", f"cannot be read: {failed.strerror}")]) from None


@lru_cache(maxsize=32)
def _read(content: bytes) -> StackFile:
    """What a stack file says. A command needs it several times, and YAML takes most of the time."""
    return read_stack_file(content)


def _of(stack: str, root: Path) -> Settings:
    """The settings of a file by itself."""
    config, problems = _read(_content(stack, root))
    if config is None:
        raise SettingsError(stack, problems)
    problems = [*problems, *plain_secrets(config, PROJECT, stack)]
    if large := list(too_large(config)):  # to judge each of 10,000 teams takes minutes
        raise SettingsError(stack, [*large, *problems])
    try:
        found = _checked(config, stack, root)
    except SettingsError as wrong:
        raise SettingsError(stack, [*problems, *wrong.problems]) from None
    if problems:
        raise SettingsError(stack, problems)
    return found


def _checked(config: Mapping[str, Any], stack: str, root: Path, project: str = PROJECT) -> Settings:
    given, problems = with_teams(config, root)
    try:
        found = validate(given, stack, project)
    except SettingsError as wrong:
        raise SettingsError(stack, [*problems, *located(wrong.problems, given)]) from None
    if problems:
        raise SettingsError(stack, problems)
    return found


def _clashes(stack: str, settings: Settings, root: Path) -> Iterator[Problem]:
    for other in stacks(root):
        try:
            theirs = None if other == stack else _of(other, root)
        except SettingsError:  # a problem of the other stack
            continue
        if theirs:
            subscription = theirs.azure.subscription_id
            yield from rules.subscription_is_its_own(settings.azure.subscription_id, other, subscription)
            yield from rules.deployers_have_their_subscription(settings.deployers, other, subscription)
            yield from rules.databases_are_apart(
                settings.existing_database(stack), other, theirs.existing_database(other)
            )
            yield from rules.network_is_apart(settings.network, other, theirs.network)
            yield from rules.hosts_are_apart(settings.host_names.values(), other, theirs.host_names.values())


def decoded(value: str | None) -> Any:
    """A value as in the stack file. The engine passes and keeps everything except text as JSON."""
    try:
        return json.loads(value or "")
    except (TypeError, ValueError):
        return value
