"""Stack files as people write them: what is wrong is refused under a path, by commands and the program."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi import Config
from pulumi.runtime.config import set_all_config

from components.azure.network.settings import NetworkSettings
from components.config.stack_file import LARGEST_KB, read_stack_file, too_large
from components.rules import databases_are_apart, network_is_apart
from components.settings import SettingsError, validate
from components.stack_files import load
from deploy import stack_file
from deploy.stack_file import RefusedError
from tests.support.brought import bringing
from tests.support.recorder import encoded, recording, stack_config
from tests.support.stack_files import RIGHT, copied, put, written

ROWS = yaml.safe_load((Path(__file__).parent / "broken_stack_files.yaml").read_text())
PYTHON = re.compile(
    r"Traceback|NoneType|\b(dict|dictionary|str|bool|boolean|tuple|instance|None|True|False)\b"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("stacks"))


def told(root, content, stack="five"):
    """The problems of a stack file, a line each."""
    file = root / f"Pulumi.{stack}.yaml"
    file.write_bytes(content)
    try:
        stack_file.settings(stack, root)
    except RefusedError as refused:
        count, *lines = str(refused).split("\n")
        assert re.fullmatch(rf"Pulumi.{stack}.yaml has (1 problem|{len(lines)} problems):", count)
        return [line.strip() for line in lines]
    finally:
        file.unlink()
    return []


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_a_stack_file_is_refused_with_the_key_and_a_remedy(root, row):
    found = told(root, written(row), row.get("stack", "five"))
    assert len(found) == len(row["says"]), found
    for line, wanted in zip(found, row["says"], strict=True):
        assert (line[: len(wanted) - 1] + "…" if wanted.endswith("…") else line) == wanted
        assert not PYTHON.search(line)


def test_no_case_is_there_twice():
    assert len({row["case"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    "case", ["a key twice", "a secret in plain text", "the range of another stack", "UTF-16"]
)
def test_the_program_refuses_a_file_with_the_words_of_the_command_line(tmp_path, case):
    """`pulumi up` gives the program its values, with secrets decrypted and the last of two keys."""
    copied(tmp_path)
    row = next(row for row in ROWS if row["case"] == case)
    (tmp_path / "Pulumi.five.yaml").write_bytes(written(row))
    with pytest.raises(RefusedError) as command:
        stack_file.settings("five", tmp_path)
    recording("five")
    set_all_config(encoded(yaml.safe_load(RIGHT)["config"]), [])
    with pytest.raises(SettingsError) as program:
        load(Config("platform"), tmp_path)
    set_all_config({}, [])
    assert str(program.value) == str(command.value)


@pytest.mark.parametrize(("more", "problems"), [(0, 0), (1, 1)])
def test_the_engine_can_pass_120_kib_of_configuration(more, problems):
    """`{"a":"…"}` has eight characters beside the text."""
    found = list(too_large({"a": "x" * (LARGEST_KB * 1024 - 8 + more)}))
    assert len(found) == problems


NODES = "/subscriptions/6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e/resourceGroups/hub/providers/Microsoft.Network"


@pytest.mark.parametrize(
    ("nodes", "network", "keys"),
    [
        ("10.9.0.0/24", "spoke", ["network.subnets.nodes"]),
        ("10.9.1.0/24", "spoke", []),
        ("10.9.1.0/24", "other", ["network.addressSpace"]),
    ],
)
def test_stacks_in_one_existing_network_need_subnets_of_their_own(nodes, network, keys):
    def of(nodes, network):
        existing = {"nodes": f"{NODES}/virtualNetworks/{network}/subnets/nodes"}
        given = {"addressSpace": "10.9.0.0/16", "subnets": {"nodes": nodes}, "existing": existing}
        return NetworkSettings.model_validate(given)

    found = network_is_apart(of(nodes, network), "other", of("10.9.0.0/24", "spoke"))
    assert [problem.key for problem in found] == keys


def test_a_deployer_is_of_the_subscription_that_its_stack_has(tmp_path):
    """Else its roles are elsewhere, and the stack's first update is refused by Azure."""
    file = copied(tmp_path) / "Pulumi.infra.yaml"
    assert stack_file.settings("infra", tmp_path)
    other = "0c6e2f71-58ad-4b93-8e14-d2f07a9b3c65"
    file.write_text(file.read_text().replace("a3f08b6d-17c2-4d59-b0e5-4f9a6d3c2e71", other))
    with pytest.raises(
        RefusedError, match=r"deployers\.stacks\[0\]\.subscriptionId: 0c6e.* of staging, a3f0"
    ):
        stack_file.settings("infra", tmp_path)


@pytest.mark.parametrize(
    ("own", "theirs", "keys"),
    [
        (("pg.example.org", "concourse-prod"), ("pg.example.org", "concourse-prod"), ["database.name"]),
        (("pg.example.org", "concourse-lab"), ("pg.example.org", "concourse-prod"), []),
        (("other.example.org", "concourse-prod"), ("pg.example.org", "concourse-prod"), []),
        (None, None, []),
    ],
)
def test_stacks_on_one_existing_server_need_databases_of_their_own(own, theirs, keys):
    """On servers of their own they may have one name: a server per stack."""
    assert [problem.key for problem in databases_are_apart(own, "prod", theirs)] == keys


def test_the_default_name_of_a_database_has_the_stack_in_it():
    settings = validate(bringing(stack_config("staging"), "postgresql"), "staging")
    assert settings.existing_database("lab") == ("pg.example.org", "concourse-lab")
    own = validate(stack_config("staging"), "staging")
    assert own.existing_database("lab") is None


REPEATABLE = {"deadline": None, "database": None, "derandomize": True}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(
    [f"{key}{below}" for key, section in yaml.safe_load(RIGHT)["config"].items() if isinstance(section, dict)
     for below in ("", *(f".{inner}" for inner in section))]
    + ["platform:teams", "platform:teams.0", "platform:teams.0.roles", "platform:cluster.workerPools.0"]
)  # fmt: skip


@st.composite
def changed(draw):
    """The right file with any values at some of its keys."""
    content = yaml.safe_load(RIGHT)
    for path in draw(st.lists(PATHS, min_size=1, max_size=3, unique=True)):
        try:
            put(content["config"], path, draw(VALUES))
        except (AttributeError, TypeError, IndexError):  # an earlier change took the place away
            continue
    return yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")


@st.composite
def torn(draw):
    """The right file with any characters in place of some of it."""
    text = RIGHT.encode()
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 60)))
    signs = st.sampled_from(
        [b"&a ", b"*a", b"<<: ", b"\t", b"[", b"{", b"- ", b": ", b"!!x ", b"'", b"\n", b"? "]
    )
    return text[:start] + b"".join(draw(st.lists(signs | st.binary(max_size=4), max_size=4))) + text[end:]


ANY = changed() | torn() | VALUES.map(lambda value: yaml.safe_dump(value).encode("utf-8", "surrogatepass"))


def test_any_file_is_accepted_or_refused_under_paths_without_a_traceback(root, request):
    """`make test-all` tries 1,000 files."""
    often = settings(max_examples=1000 if request.config.option.markexpr == "not slow" else 150, **REPEATABLE)

    @often
    @given(content=ANY | st.binary(max_size=40))
    def check(content):
        for line in told(root, content):
            assert re.match(r"(\S.*?): \S", line), line
            assert line.isprintable()

    check()


@settings(max_examples=100, **REPEATABLE)
@given(depth=st.integers(1, 100_000), sign=st.sampled_from("[{"))
def test_no_depth_of_a_file_is_too_much_to_refuse(depth, sign):
    found = read_stack_file(b"config: " + sign.encode() * depth)
    assert found.config is None
    assert found.problems
