"""Mirrors of charts as Helm itself reads them: a real OCI registry with a login, and a classic repository."""

import json
import os
import subprocess
import sys

import bcrypt
import pytest
import requests

from components.kubernetes import charts as pins
from components.kubernetes.chart_lock import digest
from components.kubernetes.settings import ChartsSettings
from deploy import charts
from deploy.stack_file import RefusedError
from tests.conformance.certificates import Authority
from tests.conformance.local_http import serving
from tests.conformance.servers import HOST, free_port, running, tool
from tests.support.chart_repository import ChartRepository, package
from tests.support.recorder import ROOT
from tools import servers

USER, PASSWORD = "charts", "let-me-in"


@pytest.fixture(scope="module")
def packages():
    """All pinned charts, by file name."""
    return {chart.file: package(chart) for chart in pins.CHARTS.values()}


@pytest.fixture
def folder(tmp_path, packages, monkeypatch):
    """A folder with all charts, whose digests are locked; and Helm on PATH."""
    monkeypatch.setattr(charts, "digests", lambda: {name: digest(each) for name, each in packages.items()})
    monkeypatch.setenv("PATH", f"{tool('helm').parent}{os.pathsep}{os.environ['PATH']}")
    charts.index.cache_clear()
    folder = tmp_path / "packages"
    folder.mkdir()
    for name, content in packages.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """An OCI registry with TLS that asks for a login, and Helm logged in to it."""
    authority, port = Authority(tmp_path), free_port()
    certificate, key = authority.issue("registry")
    (tmp_path / "users").write_text(
        f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()}\n"
    )
    (tmp_path / "registry.yaml").write_text("version: 0.1\n")
    given = {
        "REGISTRY_HTTP_ADDR": f"{HOST}:{port}",
        "REGISTRY_HTTP_TLS_CERTIFICATE": certificate,
        "REGISTRY_HTTP_TLS_KEY": key,
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": tmp_path / "stored",
        "REGISTRY_AUTH_HTPASSWD_REALM": "charts",
        "REGISTRY_AUTH_HTPASSWD_PATH": tmp_path / "users",
    }
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    monkeypatch.setenv("HELM_REGISTRY_CONFIG", str(tmp_path / "logins.json"))

    def ready():
        url = f"https://{HOST}:{port}/v2/"
        return requests.get(url, verify=authority.certificate, timeout=5).status_code == 401

    environment = {**os.environ, **{name: str(value) for name, value in given.items()}}
    server = [tool("registry"), "serve", tmp_path / "registry.yaml"]
    with running(server, tmp_path / "registry.log", ready, env=environment):
        yield f"{HOST}:{port}"


def login(registry):
    command = [tool("helm"), "registry", "login", registry, "--username", USER, "--password-stdin"]
    subprocess.run(command, input=PASSWORD, text=True, check=True, capture_output=True)


def pulled(tmp_path, *arguments):
    """What Helm itself gets, by file name."""
    place = tmp_path / "pulled"
    place.mkdir(exist_ok=True)
    subprocess.run([tool("helm"), "pull", *arguments, "--destination", place], check=True)
    return {file.name: file.read_bytes() for file in place.iterdir()}


def test_an_oci_registry_serves_what_was_filled_and_nothing_without_a_login(
    registry, folder, packages, tmp_path
):
    settings = ChartsSettings.model_construct(repository=f"oci://{registry}/platform")
    with pytest.raises(RefusedError, match=r"(?i)auth|credential"):
        list(charts.fill(settings, folder))
    login(registry)
    with pytest.raises(RefusedError, match=r"lacks concourse 20\.1\.3.*fill prod"):
        charts.pull("prod", settings, tmp_path / "charts")
    assert {line.split(": ")[1] for line in charts.fill(settings, folder)} == {"copied, verified"}
    assert {line.split(": ")[1] for line in charts.fill(settings, folder)} == {"was there, verified"}
    charts.pull("prod", settings, tmp_path / "charts")
    assert {file.name: file.read_bytes() for file in (tmp_path / "charts").iterdir()} == packages
    for chart in pins.CHARTS.values():
        found = pulled(tmp_path, f"{settings.repository}/{chart.name}", "--version", chart.version)
    assert found == packages


def test_a_chart_that_was_pushed_over_is_refused(registry, folder, tmp_path, packages):
    settings = ChartsSettings.model_construct(repository=f"oci://{registry}/platform")
    login(registry)
    list(charts.fill(settings, folder))
    vault = pins.CHARTS["vault"]
    charts.put(settings.repository, vault, package(vault, "# changed"))  # a registry lets a tag be moved
    with pytest.raises(RefusedError, match=r"vault .* is not the one of charts\.lock"):
        charts.pull("prod", settings, tmp_path / "charts")
    with pytest.raises(RefusedError, match="has another vault"):
        list(charts.fill(settings, folder))


def test_helm_reads_a_classic_repository_that_was_filled(folder, packages, tmp_path):
    with serving(ChartRepository({}).answer) as url:
        settings = ChartsSettings.model_construct(repository=url)
        list(charts.fill(settings, folder))
        for chart in pins.CHARTS.values():
            found = pulled(tmp_path, chart.name, "--repo", url, "--version", chart.version)
    assert found == packages


PROVIDER = "pulumi-resource-kubernetes"
TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}", labels: {chart: "{{ .Chart.Version }}"}}
"""


def test_the_real_provider_needs_the_mirror_only(apiserver, tmp_path, monkeypatch):
    """Fill, preview, update, a bump and destroy without publishers; after `pull` without the mirror too."""
    if PROVIDER not in servers.TOOLS:
        pytest.skip(f"{PROVIDER} is not among the tools")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tool(PROVIDER).parent), os.environ["PATH"]]))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:9")  # whoever asks a publisher gets no answer
    monkeypatch.setenv("NO_PROXY", HOST)
    old, new = pins.CHARTS["vault"], pins.CHARTS["vault"]._replace(version="99.0.0")
    chosen = {"grafana": pins.CHARTS["grafana"], "vault": old}
    source, project = tmp_path / "source", tmp_path / "project"
    source.mkdir()
    project.mkdir()
    for chart in (*chosen.values(), new):
        (source / chart.file).write_bytes(package(chart, TEMPLATE))
    monkeypatch.setattr(pins, "CHARTS", chosen)
    monkeypatch.setattr(charts, "digests", dict)
    charts.index.cache_clear()

    def run(action, version=old.version, *, fails=False):
        command = [sys.executable, "-m", "tests.conformance.mirror_program"]
        done = subprocess.run(
            [*command, project, action, kubeconfig(apiserver), version],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert bool(done.returncode) is fails, done.stderr
        return done.stderr if fails else json.loads(done.stdout)

    mirror = ChartRepository({})
    with serving(mirror.answer) as url:
        for versions in ({}, {"vault": new.version}):
            settings = ChartsSettings.model_construct(repository=url, versions=versions)
            list(charts.fill(settings, source))
            if not versions:
                charts.pull("test", settings, project / ".charts")
    assert set(run("preview").values()) == {"create"}
    assert set(run("up").values()) == {"create"}
    assert set(run("preview").values()) == {"same"}
    labels = {name: label(apiserver, name) for name in chosen}
    assert labels == {name: chart.version for name, chart in chosen.items()}
    refused = run("preview", new.version, fails=True)  # in the words of the simulated provider
    assert f'path ".charts/{new.file}" not found; check the chart name and repository' in refused
    (project / ".charts" / new.file).write_bytes(mirror.packages[new.file])
    assert run("preview", new.version) == {"grafana": "same", "vault": "update"}
    assert run("up", new.version)["vault"] == "update"
    assert label(apiserver, "vault") == new.version
    for file in (project / ".charts").iterdir():
        file.unlink()
    assert set(run("destroy").values()) == {"delete"}  # and needs no chart
    assert label(apiserver, "vault") is None


def label(server, name):
    """The chart's version in a release's ConfigMap."""
    found = server.call("GET", f"/api/v1/namespaces/default/configmaps/{name}")
    return found.json()["metadata"]["labels"]["chart"] if found.ok else None


def kubeconfig(server):
    cluster = {"server": server.url, "certificate-authority": str(server.ca)}
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": cluster}],
        "users": [{"name": "a", "user": {"token": server.token}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    })  # fmt: skip
