"""Secrets from external systems, which must be set (encrypted) in the stack's configuration."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pulumi import Config, Output, get_stack

from components.config.model import Problem

ENCRYPTED = re.compile(r"[A-Za-z0-9+/=:_-]+")
"""What the engine writes under `secure`: base64, and for some providers a version and a nonce before it."""


class RequiredSecret(NamedTuple):
    """A secret from an external system."""

    description: str
    """Description for the error message when the secret is missing."""
    pattern: str
    """Regular expression that the whole value must match."""
    example: str
    """A dummy value that matches, used in the rehearsal."""
    only_with: str = ""
    """The setting without which it is not needed."""


REQUIRED_SECRETS: Mapping[str, RequiredSecret] = {
    "slackWebhook": RequiredSecret(
        "the URL of a Slack app's incoming webhook, for alerts",
        r"https://\S+",
        "https://hooks.slack.com/services/T0000000/B0000000/rehearsed",
    ),
    "databasePassword": RequiredSecret(
        "the password of the existing PostgreSQL server's login",
        r"\S{8,}",
        "rehearsed-password-of-the-database",
        only_with="database.existing",
    ),
    "pagerDutyKey": RequiredSecret(
        "the integration key of a PagerDuty service (Events API v2)",
        r"[0-9A-Za-z]{32}",
        "0" * 32,
        only_with="monitoring.alerting.pagerDuty",
    ),
    "teamsWebhook": RequiredSecret(
        "the URL of a Teams workflow that posts webhook alerts to a channel",
        r"https://\S+",
        "https://example.environment.api.powerplatform.com/rehearsed",
        only_with="monitoring.alerting.teams",
    ),
    "smtpPassword": RequiredSecret(
        "the password of the login to the mail server",
        r"\S.*",
        "rehearsed-password-of-the-mail-server",
        only_with="monitoring.alerting.email",
    ),
    "alertWebhook": RequiredSecret(
        "the URL of a receiver of Alertmanager's JSON",
        r"https://\S+",
        "https://alerts.example.org/rehearsed",
        only_with="monitoring.alerting.webhook",
    ),
    "azureAlertWebhook": RequiredSecret(
        "the URL of a receiver of Azure Monitor's common alert schema",
        r"https://\S+",
        "https://alerts.example.org/rehearsed-azure",
        only_with="monitoring.azureMonitor.webhook",
    ),
    "deadMansSwitch": RequiredSecret(
        "the URL at which a monitor outside the stack expects a report every five minutes",
        r"https://\S+",
        "https://hc-ping.example.org/rehearsed",
        only_with="monitoring.alerting.deadMansSwitch",
    ),
}
"""Required secrets by configuration key."""


def plain_secrets(config: Mapping[str, object], project: str, stack: str) -> Iterator[Problem]:
    """Secrets in a stack file that are not encrypted. The texts do not repeat them."""
    for key, value in config.items():
        name = key.removeprefix(f"{project}:")
        if name not in REQUIRED_SECRETS:
            continue
        inner = value.get("secure") if isinstance(value, dict) else None
        if not (isinstance(inner, str) and ENCRYPTED.fullmatch(inner)):
            text = "this secret is readable by everybody who reads git; rotate it, then"
            text = "is empty; run" if value is None else text
            command = f"pulumi config set --secret {project}:{name} --stack {stack}"
            yield Problem(name, f"{text} `{command}`")


class MissingSecretsError(Exception):
    """Secrets that are missing or malformed. The message lists all of them, without their values."""


def required_secrets(config: Config, with_: Collection[str] = ()) -> Mapping[str, Output[str]]:
    """The required secrets by key, with those of the settings `with_`. Raises MissingSecretsError."""
    lines = []
    needed = {key: one for key, one in REQUIRED_SECRETS.items() if one.only_with in ("", *with_)}
    for key, secret in needed.items():
        value = config.get(key)
        if value is None or not re.fullmatch(secret.pattern, value):
            wrong = "is missing" if value is None else f"has a value that does not match {secret.pattern}"
            # Without a value argument, `pulumi` prompts for it, which keeps it out of the shell history.
            command = f"pulumi config set --secret {config.name}:{key} --stack {get_stack()}"
            lines.append(f"  {config.name}:{key} {wrong}: {secret.description}\n    {command}")
    if lines:
        raise MissingSecretsError("\n".join([f"The stack {get_stack()} lacks secrets:", *lines]))
    return {key: config.require_secret(key) for key in needed}
