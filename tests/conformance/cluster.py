"""What a stack sends to its cluster, and a real API server's judgement of it."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import yaml

from components.kubernetes.charts import name_of
from deploy.render import rendered, write
from tests.conformance.servers import ApiServer, tool
from tests.support.recorder import Recorder
from tools import setup

Manifest = dict[str, Any]
SECRET = "[secret]"  # as `deploy render` writes it
WANTED = {"kubernetes.io/tls": ("tls.crt", "tls.key"), "kubernetes.io/basic-auth": ("username", "password")}
AZURE = ("cilium.io/v2",)
"""Kinds that an AKS cluster has, and that no chart brings: nobody here judges those objects."""
TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Go reads it: a lone `=` is text."""


Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_yaml_str)


class Release(NamedTuple):
    """A Helm release as `python -m deploy render` writes it."""

    name: str
    namespace: str
    chart: str
    version: str
    repository: str
    values: Path


class Rendered(NamedTuple):
    """A stack's releases, and every other object of it."""

    releases: list[Release]
    manifests: list[Manifest]


def render(recorder: Recorder, folder: Path) -> Rendered:
    """What the program sent, as `python -m deploy render` writes it of a rehearsal."""
    sent = [{"type": resource.type, "inputs": whole(resource.inputs)} for resource in recorder.resources]
    files = rendered(sent)
    write(files, folder)
    releases = [
        Release(**release, values=folder / f"{release['name']}.yaml") for release in files["releases.yaml"]
    ]
    return Rendered(releases, [item for name, item in files.items() if name.startswith("manifests/")])


def whole(value: Any) -> Any:
    """A value whose whole numbers are such: the engine's protocol has none."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Charts


@cache
def reachable(repository: str) -> bool:
    try:
        if repository.startswith("oci:"):  # asks who is there before it says whether it has something
            return requests.get(f"https://{repository.split('/')[2]}/v2/", timeout=10).status_code < 500
        return requests.get(f"{repository.rstrip('/')}/index.yaml", stream=True, timeout=10).ok
    except requests.RequestException:
        return False


def package(release: Release) -> Path | None:
    """The release's chart: from CHARTS_DIR, else from its repository, once; None where there is neither."""
    file = f"{release.chart}-{release.version}.tgz"
    if given := os.environ.get("CHARTS_DIR"):
        return found if (found := Path(given) / file).exists() else None
    kept = setup.cache() / "charts" / file
    if not kept.exists():
        if not reachable(release.repository):
            return None
        kept.parent.mkdir(parents=True, exist_ok=True)
        oci = release.repository.startswith("oci:")
        source = (
            [f"{release.repository}/{release.chart}"]
            if oci
            else [release.chart, "--repo", release.repository]
        )
        pull = [tool("helm"), "pull", *source]
        done = run([*pull, "--version", release.version, "--destination", kept.parent])
        assert done.returncode == 0, done.stderr
    return kept


def template(release: Release, chart: Path, *more: str) -> list[Manifest]:
    """The objects that Helm makes of a release."""
    argv = [tool("helm"), "template", release.name, chart, "--namespace", release.namespace]
    done = run([*argv, "--values", release.values, "--include-crds", "--skip-tests", *more])
    assert done.returncode == 0, f"{release.name}: {done.stderr}"
    documents = yaml.load_all(done.stdout, Loader=Loader)
    return [item for document in documents if document for item in document.get("items", [document])]


def objects(inputs: Mapping[str, Any], chart: Path) -> list[Manifest]:
    """What Helm makes of a release's inputs, each object with its namespace; without a cluster to ask."""
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump(whole(inputs["values"])))
        given = {key: inputs[key] for key in ("name", "namespace", "version")}
        given["chart"] = name_of(inputs["chart"], inputs["version"])
        release = Release(**given, repository="", values=values)
        found = template(release, chart, "--kube-version", "1.36.0")
    made = [item for item in found if "metadata" in item]
    for item in made:
        item["metadata"].setdefault("namespace", inputs["namespace"])
    return made


def run(argv: Iterable[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, argv)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


# The API server


class Judge:
    """Asks an API server for its opinion of objects."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.kinds: dict[tuple[str, str], tuple[str, bool]] = {}
        """How a kind is called in a path, and whether it is in namespaces; by version and kind."""

    def learn(self) -> None:
        """Ask which kinds there are."""
        groups = self.server.call("GET", "/apis").json()["groups"]
        for version in ["v1", *(entry["groupVersion"] for group in groups for entry in group["versions"])]:
            for known in self.server.call("GET", root(version)).json().get("resources", []):
                if "/" not in known["name"]:
                    self.kinds[version, known["kind"]] = known["name"], known["namespaced"]

    def install(self, definitions: list[Manifest]) -> None:
        """Add kinds, and wait until the server knows them."""
        for definition in definitions:
            assert not (said := self.apply(definition)), said
        end = time.monotonic() + 30
        wanted = {
            (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            for spec in (definition["spec"] for definition in definitions)
            for version in spec["versions"]
            if version["served"]
        }
        while wanted - set(self.kinds):
            assert time.monotonic() < end, f"the API server does not learn {wanted - set(self.kinds)}"
            time.sleep(0.3)
            self.learn()

    def capabilities(self) -> list[str]:
        """What Helm would be told by this cluster."""
        named = {f"{version}/{kind}" for version, kind in self.kinds} | {version for version, _ in self.kinds}
        flags = [flag for name in sorted(named) for flag in ("--api-versions", name)]
        return ["--kube-version", self.server.call("GET", "/version").json()["gitVersion"], *flags]

    def placed(self, manifest: Manifest, namespace: str) -> Manifest:
        """An object as Helm installs it: in its release's namespace, unless it says another or is in none."""
        _, namespaced = self.kinds.get((manifest["apiVersion"], manifest["kind"]), ("", False))
        where = {"namespace": namespace} if namespaced else {}
        return {**manifest, "metadata": {**where, **manifest["metadata"]}}

    def path(self, manifest: Manifest, *, collection: bool = False) -> str:
        """Where an object is."""
        plural, namespaced = self.kinds[manifest["apiVersion"], manifest["kind"]]
        inside = f"/namespaces/{manifest['metadata'].get('namespace', 'default')}" if namespaced else ""
        path = f"{root(manifest['apiVersion'])}{inside}/{plural}"
        return path if collection else f"{path}/{manifest['metadata']['name']}"

    def apply(self, manifest: Manifest, **parameters: str) -> str:
        """Apply an object as written, unknown and doubled keys refused; what the server says against it."""
        if (kind := (manifest["apiVersion"], manifest["kind"])) not in self.kinds:
            return f"there is no {kind[1]} of {kind[0]}"
        strict = {"fieldManager": "conformance", "force": "true", "fieldValidation": "Strict", **parameters}
        return told(self.server.call("PATCH", self.path(manifest), shown(manifest), **strict))

    def create(self, manifest: Manifest, **parameters: str) -> str:
        """Make an object; what the server says against it."""
        path = self.path(manifest, collection=True)
        return told(self.server.call("POST", path, manifest, fieldValidation="Strict", **parameters))


def root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def told(answer: requests.Response) -> str:
    return "" if answer.ok else str(answer.json().get("message", answer.text))


def shown(manifest: Manifest) -> Manifest:
    """An object with something in the place of what `render` hides and the API server wants."""
    if manifest["kind"] != "Secret":
        return manifest
    wanted = WANTED.get(manifest.get("type", ""), ())
    bare = {key: value for key, value in manifest.items() if key not in {"data", "stringData"}}
    return {**bare, "stringData": dict.fromkeys(wanted, SECRET)}


def pods(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """The pods that a cluster's controllers would make of these, one of each template."""
    for manifest in manifests:
        if path := TEMPLATES.get(manifest["kind"]):
            found: Any = manifest
            for key in path:
                found = found[key]
            named = {
                "name": f"{manifest['metadata']['name'][:50]}-pod",
                "namespace": manifest["metadata"].get("namespace", "default"),
            }
            claimed = [
                {"name": name, "persistentVolumeClaim": {"claimName": name}}
                for claim in manifest["spec"].get("volumeClaimTemplates") or []
                for name in [claim["metadata"]["name"]]
            ]
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {k: v for k, v in (found.get("metadata") or {}).items() if v} | named,
                "spec": {**found["spec"], "volumes": [*(found["spec"].get("volumes") or []), *claimed]},
            }


def called(manifest: Mapping[str, Any]) -> str:
    metadata = manifest["metadata"]
    return "/".join(filter(None, (manifest["kind"], metadata.get("namespace"), metadata["name"])))


def say(missing: Iterable[str]) -> None:
    """Skip, with the names of the releases whose charts are not at hand."""
    if names := sorted(missing):
        pytest.skip(f"neither in CHARTS_DIR nor in their repositories: the charts of {', '.join(names)}")


def sorted_out(releases: Mapping[str, list[Manifest] | None]) -> tuple[dict[str, list[Manifest]], list[str]]:
    """The releases that Helm could render; the names of the others."""
    return {name: items for name, items in releases.items() if items is not None}, [
        name for name, items in releases.items() if items is None
    ]
