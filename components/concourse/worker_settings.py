"""Settings of Concourse's workers. The worker pools are defined in the cluster's settings."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.config.model import Model, Problem, Rule
from components.config.types import Cidr, Duration

CONTAINER_RANGE = "10.80.0.0/16"
"""Addresses of build containers on a worker: containerd's default network pool in Concourse
(CONCOURSE_CONTAINERD_NETWORK_POOL). Builds cannot reach other hosts with addresses in this range."""
IMAGE_CACHE_GB = 40
"""GiB that the unpacked images of about 30 resource types and tasks take up on a worker."""
BTRFS_KEEPS_GB = 10
"""GiB that the btrfs driver leaves free next to the image file that holds the volumes."""
NODE_KEEPS_GB = 32
"""GiB of a node's own disk that its operating system, images and logs need."""


class WorkerSettings(Model):
    """The workers on every worker pool, one per node."""

    driver: Literal["btrfs", "overlay", "naive", "detect"] = "overlay"
    """Driver for a worker's volumes (docs/adr/0008-workers-disks.md). Concourse's own choice on current
    kernels is overlay. The article uses btrfs, which leaks loop devices when a worker crashes, and stalls
    under load."""
    volume: Literal["claim", "node"] = "claim"
    """Where volumes are stored: "claim" is a disk of the class scratch, created and deleted with the worker;
    "node" is the node's own disk, which is faster and free, but can fill up and affect the whole node."""
    volume_gb: int = Field(default=256, le=32767)
    """Size of a worker's volume storage in GiB."""
    termination_grace_period_seconds: int = Field(default=3600, ge=60)
    """Seconds that a worker has to finish its builds before it is stopped.

    A worker pool's drainTimeoutMinutes must not be shorter."""
    rebalance_interval: Duration = "2h"
    """How often a worker reconnects to another web node, so that a restarted web node gets its share."""
    private_ranges: tuple[Cidr, ...] = Field(default=(), max_length=50, examples=[["10.30.0.0/20"]])
    """Private addresses that builds reach, beside the internet: a Git server, or, on the stack with
    deployers, the nodes' subnets of stacks with a private API server. A pool's `internetAccess` holds too."""

    def rules(self) -> Iterable[Rule]:
        return (self._images_fit,)

    def _images_fit(self) -> Iterator[Problem]:
        least = IMAGE_CACHE_GB + (BTRFS_KEEPS_GB if self.driver == "btrfs" else 0)
        if self.volume_gb < least:
            text = f"{self.volume_gb} GiB is too small for the images on a worker; set at least {least}"
            yield Problem("volumeGb", text)
