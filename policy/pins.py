"""Versions: what runs is what was reviewed."""

import re
from collections.abc import Iterator
from functools import partial

from policy.rule import Place, Resource, at, rule, walk

RELEASE = "kubernetes:helm.sh/v3:Release"
VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][\w.+-]+)?")
TAG = re.compile(r"v?\d+\.\d+\.\d+([-.+_][\w.+-]*)?")
"""A tag with three numbers. Publishers move `17`, `8.2` and `latest`."""
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
OWN = ("kubernetes:batch/", "kubernetes:apps/", "kubernetes:core/v1:Pod")
"""Types whose containers the program writes itself."""


@rule(
    "pinned-charts",
    at(RELEASE, "version"),
    demands="Helm releases name one exact version of their chart.",
    why="A range or no version installs what the publisher released last, without a review.",
    comply="Write the whole version in components/kubernetes/charts.py or `charts.versions`.",
)
def pinned_charts(place: Place) -> str | None:
    if place.value is not None and VERSION.fullmatch(str(place.value)):
        return None
    return f"version is {place.value}"


def _images(resource: Resource) -> Iterator[Place]:
    """Images of containers, and tags in the values of releases."""
    if not resource.type.startswith((RELEASE, *OWN)):
        return
    for path, value in walk(resource.inputs):
        parent, _, key = path.rpartition(".")
        tag = key == "imageTag" or (key == "tag" and parent.lower().endswith("image"))
        if isinstance(value, (str, int, float)) and (tag or key in {"image", "imageK8S"}):
            yield Place(resource, path, partial(str, value))


@rule(
    "pinned-images",
    _images,
    demands="Images have a tag with three numbers or a digest; those of the program's own Jobs a digest.",
    why="A tag that moves changes what runs with the next restart of a pod.",
    comply="Add the digest: name:tag@sha256:….",
)
def pinned_images(place: Place) -> str | None:
    value, key = str(place.value), place.path.rpartition(".")[2]
    if DIGEST.search(value):
        return None
    if not place.resource.type.startswith(RELEASE):
        return f"{place.path} is {value}, without a digest"
    if key in {"tag", "imageTag"}:
        return None if not value or TAG.fullmatch(value) else f"{place.path} is {value}"
    tag = value.rpartition("/")[2].partition(":")[2]
    if tag:
        return None if TAG.fullmatch(tag) else f"{place.path} is {value}"
    return None if _has_tag_beside(place) else f"{place.path} is {value}, without a tag"


def _has_tag_beside(place: Place) -> bool:
    """Whether the values have the image's tag as `imageTag`, as the chart of Concourse does."""
    beside = f"{place.path}Tag"
    return any(path == beside and value for path, value in walk(place.resource.inputs))


RULES = [pinned_charts, pinned_images]
