"""Charts from their publishers to a mirror, and from there to `.charts`, with ChartMuseum's API."""

import base64
import contextlib
from functools import partial

import pytest

from components.kubernetes import charts as pins
from components.kubernetes.chart_lock import digest, digests
from components.kubernetes.settings import ChartsSettings
from deploy import charts, stack
from deploy.commands import changes
from deploy.stack_file import RefusedError
from tests.conformance.local_http import serving
from tests.support.chart_repository import ChartRepository, package
from tests.support.recorder import ROOT

NAMES = ("grafana", "vault")
KNOWN, UNKNOWN = "grafana-12.11.1.tgz", "vault-0.34.1.tgz"


class World:
    """A publisher and a mirror of two charts; only one of them has a digest in charts.lock."""

    def __init__(self, publisher, mirror, urls, folder):
        self.publisher, self.mirror, self.folder = publisher, mirror, folder
        self.settings = ChartsSettings.model_construct(repository=urls[1])

    def fill(self, source=None):
        return list(charts.fill(self.settings, source))

    def pull(self):
        return charts.pull("prod", self.settings, self.folder)


@pytest.fixture
def world(tmp_path, monkeypatch):
    both = {pins.CHARTS[name].file: package(pins.CHARTS[name], name) for name in NAMES}
    publisher, mirror = ChartRepository(both), ChartRepository({})
    charts.index.cache_clear()
    with contextlib.ExitStack() as servers:
        urls = [servers.enter_context(serving(each.answer)) for each in (publisher, mirror)]
        chosen = {name: pins.CHARTS[name]._replace(repository=urls[0]) for name in NAMES}
        monkeypatch.setattr(pins, "CHARTS", chosen)
        monkeypatch.setattr(charts, "CHARTS", chosen)
        monkeypatch.setattr(charts, "digests", lambda: {KNOWN: digest(both[KNOWN])})
        yield World(publisher, mirror, urls, tmp_path / ".charts")


def test_a_mirror_is_filled_once_and_serves_what_the_publishers_have(world):
    assert world.fill() == [
        "grafana 12.11.1: copied, verified",
        "vault 0.34.1: copied, not verified: charts.lock has no digest of it",
    ]
    assert world.fill()[0] == "grafana 12.11.1: was there, verified"
    assert world.mirror.packages == world.publisher.packages
    world.publisher.packages.clear()  # from here on only the mirror is needed
    world.pull()
    assert {file.name: file.read_bytes() for file in world.folder.iterdir()} == world.mirror.packages


def test_charts_that_are_here_need_no_server(world):
    world.fill()
    world.pull()
    world.publisher.asked.clear()
    world.mirror.asked.clear()
    assert world.pull() == []
    assert world.publisher.asked == world.mirror.asked == []


def test_a_chart_that_was_changed_here_is_fetched_again(world):
    world.fill()
    world.pull()
    (world.folder / KNOWN).write_bytes(b"changed")
    assert world.pull() == ["grafana 12.11.1: verified"]
    assert (world.folder / KNOWN).read_bytes() == world.mirror.packages[KNOWN]


def test_a_chart_that_its_publisher_changed_reaches_no_mirror(world):
    world.publisher.packages[KNOWN] = package(pins.CHARTS["grafana"], "changed")
    with pytest.raises(RefusedError, match=r"grafana 12.11.1 of http://.* is not the one of charts.lock"):
        world.fill()
    assert world.mirror.packages == {}


@pytest.mark.parametrize("file", [KNOWN, UNKNOWN])
def test_a_mirror_with_another_chart_is_refused_and_not_overwritten(world, file):
    other = package(pins.CHARTS[file.split("-")[0]], "changed")
    world.mirror.packages[file] = other
    with pytest.raises(RefusedError, match="has another"):
        world.fill()
    assert world.mirror.packages[file] == other


def test_a_chart_that_was_changed_in_the_mirror_is_not_written(world):
    world.fill()
    world.mirror.packages[KNOWN] = package(pins.CHARTS["grafana"], "changed")
    with pytest.raises(RefusedError, match=r"is not the one of charts\.lock"):
        world.pull()
    assert not world.folder.exists()


def test_what_the_mirror_lacks_is_named_with_the_command_that_copies_it(world):
    with pytest.raises(
        RefusedError, match=r"lacks grafana 12.11.1, vault 0.34.1: `.* fill prod` copies them"
    ):
        world.pull()


def test_a_folder_can_fill_a_mirror_where_publishers_are_out_of_reach(world, tmp_path):
    (tmp_path / KNOWN).write_bytes(world.publisher.packages[KNOWN])
    with pytest.raises(RefusedError, match=f"lack {UNKNOWN}"):
        world.fill(tmp_path)
    (tmp_path / UNKNOWN).write_bytes(world.publisher.packages[UNKNOWN])
    world.fill(tmp_path)
    assert world.mirror.packages == world.publisher.packages
    assert world.publisher.asked == []


def test_the_lock_gets_digests_of_publishers_and_refuses_a_changed_chart(world, tmp_path):
    file = tmp_path / "charts.lock"
    said = list(charts.lock(tmp_path / "kept", file))
    assert said == ["wrote 2 digests to charts.lock: review the diff and commit it"]
    kept = {each.name: each.read_bytes() for each in (tmp_path / "kept").iterdir()}
    assert kept == world.publisher.packages
    content = {name: digest(found) for name, found in world.publisher.packages.items()}
    assert digests(file) == content
    world.publisher.packages[KNOWN] = package(pins.CHARTS["grafana"], "changed")
    with pytest.raises(RefusedError, match=r"is not the one of charts\.lock"):
        list(charts.lock(file=file))


def test_a_login_comes_from_netrc_and_is_in_no_message(world, tmp_path, monkeypatch):
    token = base64.b64encode(b"charts:letmein").decode()
    world.mirror.authorization = f"Basic {token}"
    with pytest.raises(RefusedError, match=r"401.*~/.netrc"):
        world.fill()
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login charts password letmein\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert len(world.fill()) == len(world.pull()) == 2


def test_an_oci_registry_needs_helm_and_says_so(world, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    world.settings = ChartsSettings(repository="oci://example.azurecr.io/charts")
    with pytest.raises(RefusedError, match=r"needs Helm 3\.8 or newer on PATH"):
        world.pull()


@pytest.mark.parametrize("command", [changes.preview, partial(changes.up, yes=True)])
def test_a_real_run_gets_the_charts_before_it_opens_the_stack(command, monkeypatch):
    order = []
    monkeypatch.setattr(charts, "pull", lambda stack, _: order.append(f"pull {stack}"))
    monkeypatch.setattr(stack, "open_stack", lambda stack, **_: order.append("open") or 1 / 0)
    for rehearse in (False, True):  # a rehearsal needs no server
        with pytest.raises(ZeroDivisionError):
            command("demo", rehearse=rehearse)
    assert order == ["pull demo", "open", "open"]


def test_charts_of_a_mirror_are_not_committed():
    assert ".charts/" in (ROOT / ".gitignore").read_text().splitlines()
