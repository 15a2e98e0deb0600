"""Concourse's workers, which run the builds."""

from pydantic import Field

from components.model import Model


class WorkersSettings(Model):
    """The workers on every worker pool."""

    termination_grace_period_seconds: int = Field(default=3600, ge=60)
    """How long a worker may finish its builds when it has to go, in seconds.

    A worker pool's drainTimeoutMinutes is no shorter."""
