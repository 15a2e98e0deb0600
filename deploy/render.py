"""What a stack sends to its cluster, as files: values of each Helm release, every other object as a manifest.

The source is the state of a rehearsal: what the engine sent.
"""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

import yaml

from components.kubernetes.charts import name_of

SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 not a password
"""The key that marks a secret in Pulumi's state (pulumi.runtime.rpc._special_sig_key)."""
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""A text that is unknown in a preview (pulumi.runtime.rpc.UNKNOWN)."""
RELEASE = "kubernetes:helm.sh/v3:Release"
RELEASES = "releases.yaml"
NO_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml:", "kubernetes:kustomize:")


def rendered(resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """File name → content, for the resources of an exported state."""
    files: dict[str, Any] = {}
    releases = []
    for resource in resources:
        type_, inputs = resource["type"], hidden(resource.get("inputs", {}))
        if type_ == RELEASE:
            repository = inputs.get("repositoryOpts", {}).get("repo") or inputs["chart"].rpartition("/")[0]
            releases.append(
                {key: inputs.get(key) for key in ("name", "namespace")}
                | {"chart": name_of(inputs["chart"], inputs["version"]), "version": inputs["version"]}
                | {"repository": repository}
            )
            files[f"{inputs['name']}.yaml"] = inputs.get("values", {})
        elif type_.startswith("kubernetes:") and not type_.startswith(NO_OBJECTS):
            metadata = inputs.get("metadata", {})
            parts = (metadata.get("namespace", ""), inputs.get("kind", ""), metadata.get("name", ""))
            file = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(filter(None, parts)))
            if inputs.get("kind") == "Secret":  # marked as a secret or not
                inputs = {key: v for key, v in inputs.items() if key != "stringData"} | {"data": "[secret]"}
            files[f"manifests/{file.lower()}.yaml"] = inputs
    return files | {RELEASES: sorted(releases, key=lambda release: str(release["name"]))}


def hidden(value: Any) -> Any:
    """A value of the state without secrets."""
    if isinstance(value, Mapping):
        if SECRET in value:
            return "[secret]"
        return {key: hidden(item) for key, item in value.items() if not key.startswith("__")}
    return [hidden(item) for item in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """A value of an exported state, which has a secret's plain text beside its mark."""
    return json.loads(value["plaintext"]) if isinstance(value, Mapping) and SECRET in value else value


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """File → unified diff; for `releases.yaml` one diff a release."""
    old, new = split_releases(old), split_releases(new)
    found = {}
    for name in sorted({*old, *new}):
        before, after = _lines(old.get(name)), _lines(new.get(name))
        if before != after:
            found[name] = "\n".join(unified_diff(before, after, "before", "after", n=2, lineterm=""))
    return found


def split_releases(files: Mapping[str, Any]) -> dict[str, Any]:
    """The files, with one entry a release instead of `releases.yaml`."""
    each = {f"{RELEASES}: {release['name']}": release for release in files.get(RELEASES, ())}
    return {name: content for name, content in files.items() if name != RELEASES} | each


def foreseen(old: Any, new: Any) -> Any:
    """The new value of a preview, with the old one where the new is unknown."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {key: foreseen(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [foreseen(*both) for both in zip(old, new, strict=True)]
    return old if new == UNKNOWN and old is not None else new


def _lines(content: Any) -> list[str]:
    return written(content).replace(UNKNOWN, "(known later)").splitlines() if content else []


class Blocks(yaml.SafeDumper):
    """Writes multi-line texts as literal blocks."""


def _text(dumper: Blocks, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Blocks.add_representer(str, _text)


def written(content: Any) -> str:
    """Content as YAML."""
    return str(yaml.dump(content, Dumper=Blocks))


def write(files: Mapping[str, Any], folder: Path) -> None:
    """Write rendered files, and remove those of an earlier rendering that no longer exist."""
    for old in [*folder.glob("*.yaml"), *folder.glob("manifests/*.yaml")]:
        old.unlink()
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written(content))
