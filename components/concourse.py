"""Concourse, the system that builds and delivers."""

from pydantic import Field

from components.model import Model

CONTAINER_RANGE = "10.80.0.0/16"
"""Addresses of build containers on a worker: containerd's default network pool in Concourse
(CONCOURSE_CONTAINERD_NETWORK_POOL). A build could not reach anything real that has one of these."""
CONNECTIONS_PER_WEB = 85
"""Database connections of one web node at worst: 50 backend, 10 API, 5 garbage collection,
1 worker, 6 locks, 5 for logins and 4 listeners, and a few to spare."""


class WebSettings(Model):
    """Concourse's web nodes: its API, its user interface and its scheduler."""

    replicas: int = Field(default=2, ge=1)
    """Each takes up to 85 database connections."""


class ConcourseSettings(Model):
    """Concourse itself, without its workers."""

    web: WebSettings = WebSettings()
    """The web nodes."""
