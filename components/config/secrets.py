"""Secrets from external systems, which must be set (encrypted) in the stack's configuration."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from pulumi import Config, Output, get_stack


class RequiredSecret(NamedTuple):
    """A secret from an external system."""

    description: str
    """Description for the error message when the secret is missing."""
    pattern: str
    """Regular expression that the whole value must match."""
    example: str
    """A dummy value that matches, used in the rehearsal."""


REQUIRED_SECRETS: Mapping[str, RequiredSecret] = {
    "slackWebhook": RequiredSecret(
        "the URL of a Slack app's incoming webhook, for alerts",
        r"https://\S+",
        "https://hooks.slack.com/services/T0000000/B0000000/rehearsed",
    ),
}
"""Required secrets by configuration key."""


class MissingSecretsError(Exception):
    """Secrets that are missing or malformed. The message lists all of them, without their values."""


def required_secrets(config: Config) -> Mapping[str, Output[str]]:
    """All required secrets, by key. Raises MissingSecretsError."""
    lines = []
    for key, secret in REQUIRED_SECRETS.items():
        value = config.get(key)
        if value is None or not re.fullmatch(secret.pattern, value):
            wrong = "is missing" if value is None else f"has a value that does not match {secret.pattern}"
            # Without a value argument, `pulumi` prompts for it, which keeps it out of the shell history.
            command = f"pulumi config set --secret {config.name}:{key} --stack {get_stack()}"
            lines.append(f"  {config.name}:{key} {wrong}: {secret.description}\n    {command}")
    if lines:
        raise MissingSecretsError("\n".join([f"The stack {get_stack()} lacks secrets:", *lines]))
    return {key: config.require_secret(key) for key in REQUIRED_SECRETS}
