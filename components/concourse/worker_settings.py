"""What a stack chooses about Concourse's workers. Which pools there are is the cluster's to say."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.config.model import Model, Problem, Rule
from components.config.types import Duration

CONTAINER_RANGE = "10.80.0.0/16"
"""Addresses of build containers on a worker: containerd's default network pool in Concourse
(CONCOURSE_CONTAINERD_NETWORK_POOL). A build could not reach anything real that has one of these."""
IMAGE_CACHE_GB = 40
"""GiB that images alone come to on a worker: those of 30 resource types and tasks, unpacked."""
BTRFS_KEEPS_GB = 10
"""GiB that the driver btrfs leaves free beside the image that it keeps volumes in."""
NODE_KEEPS_GB = 32
"""GiB of a node's own disk that its system, images and logs need."""


class WorkerSettings(Model):
    """The workers on every worker pool: one to a node."""

    driver: Literal["btrfs", "overlay", "naive", "detect"] = "btrfs"
    """How a worker keeps volumes (docs/adr/0008-workers-disks.md). btrfs is the article's; overlay is what
    Concourse chooses by itself on today's kernels."""
    volume: Literal["claim", "node"] = "claim"
    """Where volumes are: on a disk of the class scratch, made with the worker and deleted with it, or on the
    node's own disk, which is faster, costs nothing, and can fill up under everything else on the node."""
    volume_gb: int = Field(default=256, le=32767)
    """GiB for a worker's volumes."""
    termination_grace_period_seconds: int = Field(default=3600, ge=60)
    """How long a worker may finish its builds when it has to go, in seconds.

    A worker pool's drainTimeoutMinutes is no shorter."""
    rebalance_interval: Duration = "2h"
    """How often a worker looks for another web node, so that one that came back gets its share."""

    def rules(self) -> Iterable[Rule]:
        return (self._images_fit,)

    def _images_fit(self) -> Iterator[Problem]:
        least = IMAGE_CACHE_GB + (BTRFS_KEEPS_GB if self.driver == "btrfs" else 0)
        if self.volume_gb < least:
            text = f"{self.volume_gb} GiB are less than the images on a worker take; at least {least}"
            yield Problem("volumeGb", text)
