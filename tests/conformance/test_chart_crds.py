"""CRDs in a chart's `crds/`: a real API server has those of the version that is released."""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator

import pytest
import yaml

from components.ingress.traefik import CRDS
from components.kubernetes.charts import CHARTS
from tests.conformance import cluster
from tests.conformance.local_http import serving
from tests.conformance.servers import ApiServer, api_server
from tests.support.job_scripts import script_file

ACCOUNT = "/api/v1/namespaces/ingress/serviceaccounts/traefik-crds/token"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TRAEFIK = CHARTS["traefik"]


def crd(name, *properties):
    plural, _, group = name.partition(".")
    schema = {"type": "object", "properties": {each: {"type": "string"} for each in properties}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    kind = plural.rstrip("s")
    names = {"plural": plural, "singular": kind, "kind": kind.title(), "listKind": f"{kind.title()}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def packed(crds):
    """A chart with these CRDs, and with one of another product."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for item in [*crds, crd("things.hub.traefik.io", "a")]:
            plural, _, group = item["metadata"]["name"].partition(".")
            text = ("---\n" + yaml.safe_dump(item)).encode()
            member = tarfile.TarInfo(f"traefik/crds/{group}_{plural}.yaml")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return content.getvalue()


@pytest.fixture
def apiserver(tmp_path) -> Iterator[ApiServer]:
    """One of its own: the kinds here are not the real ones."""
    (folder := tmp_path / "apiserver").mkdir()
    with api_server(folder) as server:
        yield server


@pytest.fixture
def apply(apiserver, rendered, tmp_path):
    """Run the Job's script as its account, with a repository that has one package."""
    judge = cluster.Judge(apiserver)
    judge.learn()
    for item in rendered("prod").manifests:
        if item["kind"] == "Namespace" or "traefik-crds" in str(item.get("metadata", {}).get("name")):
            assert not (said := judge.apply(item)), said
    token = apiserver.call("POST", ACCOUNT, {"spec": {}}).json()["status"]["token"]
    for name, text in {"token": token, "ca.crt": apiserver.ca.read_text()}.items():
        (tmp_path / name).write_text(text)
    for script in ("chart_crds.py", "calls.py"):
        (tmp_path / script).write_text(script_file(script).read_text())

    def run(package, version):
        file = f"packages/traefik-{version}.tgz"
        index = yaml.safe_dump({"entries": {"traefik": [{"urls": [file], "version": version}]}})
        files = {"/charts/index.yaml": index.encode(), f"/charts/{file}": package}
        with serving(lambda _, path, *__: (200, files[path]) if path in files else (404, b"")) as address:
            host, _, port = apiserver.url.removeprefix("https://").partition(":")
            done = subprocess.run(
                [sys.executable, "-B", "chart_crds.py"],
                cwd=tmp_path,
                env={
                    "SERVICE_ACCOUNT": str(tmp_path),
                    "KUBERNETES_SERVICE_HOST": host,
                    "KUBERNETES_SERVICE_PORT": port,
                    "REPOSITORY": f"{address}/charts",
                    "CHART": "traefik",
                    "VERSION": version,
                    "CRDS": " ".join(CRDS),
                    "GROUPS": "traefik.io",
                    "PATIENCE_SECONDS": "30",
                },
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        return done.returncode, done.stdout + done.stderr

    return run


def schemas(apiserver, name):
    found = apiserver.call("GET", f"{DEFINITIONS}/{name}").json()
    return {each["name"]: each["schema"] for each in found["spec"]["versions"]}


def test_a_newer_chart_brings_its_crds(apiserver, apply):
    first, second = ([crd(name, *properties) for name in CRDS] for properties in (("old",), ("old", "new")))
    for version, crds in (("1.0.0", first), ("1.1.0", second), ("1.2.0", first)):
        code, said = apply(packed(crds), version)
        assert code == 0, said
        for item in crds:
            [wanted] = item["spec"]["versions"]
            assert schemas(apiserver, item["metadata"]["name"]) == {"v1alpha1": wanted["schema"]}
    hub = apiserver.call("GET", f"{DEFINITIONS}/things.hub.traefik.io")
    assert hub.status_code == 404


def test_a_chart_with_a_kind_that_the_program_does_not_know_is_refused(apply):
    crds = [crd(name, "a") for name in (*CRDS, "dreams.traefik.io")]
    code, said = apply(packed(crds), "2.0.0")
    assert code == 42
    assert "dreams.traefik.io" in said.partition("expects")[0]
    assert "upgrade-a-chart.md" in said


def test_a_chart_that_lost_a_kind_is_refused_and_nothing_is_changed(apiserver, apply):
    code, said = apply(packed([crd(name, "a") for name in CRDS[1:]]), "2.0.0-rc.1")
    assert code == 42, said
    assert apiserver.call("GET", f"{DEFINITIONS}/{CRDS[1]}").status_code == 404


def test_its_account_may_change_no_other_crd(apiserver, apply):
    assert apply(packed([crd(name, "a") for name in CRDS]), "1.0.0")[0] == 0
    other = crd("certificates.example.org", "a")
    user = "system:serviceaccount:ingress:traefik-crds"
    how = {"fieldManager": "x", "force": "true", "user": user}
    answer = apiserver.call("PATCH", f"{DEFINITIONS}/certificates.example.org", other, **how)
    assert answer.status_code == 403, json.dumps(answer.json())
    assert apiserver.call("POST", DEFINITIONS, other, user=user).status_code == 403


def test_the_cluster_has_what_the_pinned_chart_ships(apiserver, apply, rendered):
    [release] = [each for each in rendered("prod").releases if each.chart == "traefik"]
    package = cluster.package(release)
    if not package:
        pytest.skip("neither in CHARTS_DIR nor in its repository: the chart traefik")
    code, said = apply(package.read_bytes(), TRAEFIK.version)
    assert code == 0, said
    shipped = {
        item["metadata"]["name"]: {each["name"]: each["schema"] for each in item["spec"]["versions"]}
        for item in cluster.template(release, package, "--kube-version", "1.36.0")
        if item["kind"] == "CustomResourceDefinition" and not item["spec"]["group"].startswith("hub.")
    }
    assert set(shipped) == set(CRDS)
    for name, versions in shipped.items():
        assert schemas(apiserver, name) == versions, name
