"""Secrets that nobody can generate: a person puts them into the stack's configuration, encrypted."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from pulumi import Config, Output, get_stack


class RequiredSecret(NamedTuple):
    """A secret that comes from elsewhere."""

    what: str
    """Said when it is missing."""
    shape: str
    """Regular expression for the whole of it."""
    example: str
    """Of the same shape, and good for nothing. The rehearsal's stand-in."""


REQUIRED_SECRETS: Mapping[str, RequiredSecret] = {
    "slackWebhook": RequiredSecret(
        "the address of a Slack app's incoming webhook, which alerts are sent to",
        r"https://\S+",
        "https://hooks.slack.com/services/T0000000/B0000000/rehearsed",
    ),
}
"""By the key in the stack's configuration."""


class MissingSecretsError(Exception):
    """Secrets that are missing or of the wrong shape; the text says all of them, and none's value."""


def required_secrets(config: Config) -> Mapping[str, Output[str]]:
    """All of them, by key. Raises MissingSecretsError."""
    lines = []
    for key, secret in REQUIRED_SECRETS.items():
        value = config.get(key)
        if value is None or not re.fullmatch(secret.shape, value):
            wrong = "is missing" if value is None else f"has a value that does not fit {secret.shape}"
            # The value is asked for: on the command line it would stay in the shell's history.
            say = f"pulumi config set --secret {config.name}:{key} --stack {get_stack()}"
            lines.append(f"  {config.name}:{key} {wrong}: {secret.what}\n    {say}")
    if lines:
        raise MissingSecretsError("\n".join([f"The stack {get_stack()} lacks secrets:", *lines]))
    return {key: config.require_secret(key) for key in REQUIRED_SECRETS}
