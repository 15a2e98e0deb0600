"""Pages name only what exists, such as commands, files and settings; generated pages are up to date."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup
from typer.exceptions import TyperException

from components.monitoring.dashboards import DASHBOARDS
from components.settings import SCHEMA
from deploy.__main__ import app
from tests.support import architecture
from tests.support.recorder import ROOT
from tools import policy_rules, runbook_index, settings_reference

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
RUNBOOKS = ROOT / "docs" / "runbooks"
OF_CHARTS = {"Kubernetes / Compute Resources / Pod"}
"""Dashboards that kube-prometheus-stack brings."""
OTHERS_OPTIONS = {"--accept", "--help", "--policy-pack", "--previous", "--version"}
"""Options that pages name alone, of pytest, of everything, of Pulumi and of kubectl."""
OTHERS_SETTINGS = {"azure.extensions"}
"""What looks like a setting of ours, and is one of PostgreSQL."""
OF_A_RUN = (".rehearsal/", ".venv")
"""What a run makes, and the repository does not have."""


@cache
def commands() -> dict[str, Any]:
    """`python -m deploy`'s own."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return dict(group.commands)


@cache
def tracked() -> frozenset[str]:
    """Files of the repository, and their folders."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return frozenset(
        str(path) for file in files if file for path in (Path(file), *Path(file).parents) if str(path) != "."
    )


def code(text: str) -> Iterator[str]:
    """Each piece of code in a page: spans, and lines of blocks."""
    outside = []
    for index, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        lines = part.splitlines()
        if index % 2:
            yield from "\n".join(lines).replace("\\\n", " ").splitlines()
        else:
            yield from (line for line in lines if line.startswith("    "))
            outside += [line if not line.startswith("    ") or "`" in line else "" for line in lines]
    for span in re.findall(r"`([^`]+)`", "\n".join(outside)):
        yield re.sub(r"\s+", " ", span)


def wrong_command(arguments: str) -> str:
    """Why `python -m deploy …` would not be understood. One that is named without arguments is only named."""
    words = shlex.split(re.split(r" [|;>&#]|[)…]$", arguments)[0], comments=True)
    if not words:
        return ""
    name, *rest = words
    if name not in commands():
        return f"there is no command {name}"
    if all(word.startswith("--") for word in rest):  # named, and not to be typed
        ours = {option for each in commands()[name].params for option in each.opts}
        return ", ".join(f"{name} has no option {word}" for word in rest if word not in ours)
    if rest:
        try:
            commands()[name].make_context(name, rest)
        except TyperException as wrong:
            return str(wrong.format_message())
    return ""


def missing_file(name: str, under: str = "") -> bool:
    """Whether nothing of the repository has this path; `<stack>` and `*` stand for anything."""
    pattern = re.escape(under + name.rstrip("/"))
    pattern = re.sub(r"<[^>]*>|\\\*", "[^/]*", pattern)
    return not any(re.fullmatch(pattern, path) for path in tracked())


def a_path(span: str) -> bool:
    """Whether a piece of code is a path within the repository."""
    if span.startswith(OF_A_RUN) or not re.fullmatch(r"[\w.<>*-]+(/[\w.<>*-]+)*/?", span):
        return False
    top = span.split("/", maxsplit=1)[0]
    return (("/" in span) and top in tracked()) or bool(re.fullmatch(r"Pulumi\.[\w.<>*-]+", span))


def below(node: Any, key: str, schema: Any) -> Any:
    """What a JSON Schema says of a key, or None."""
    for each in (node, *node.get("anyOf", ()), *node.get("allOf", ())):
        found = schema["$defs"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        if "items" in found:
            found = below({"anyOf": [found["items"]]}, key, schema)
        elif isinstance(found.get("additionalProperties"), dict):
            return found["additionalProperties"]
        else:
            found = found.get("properties", {}).get(key)
        if found is not None:
            return found
    return None


def wrong_setting(path: str) -> bool:
    """Whether a path such as `database.sku` begins as a setting does and is none."""
    schema = json.loads(SCHEMA.read_text())
    keys = schema["properties"]["config"]["properties"]
    pipelines = yaml.safe_load((ROOT / "pipelines" / "vars" / "platform.yml").read_text())
    first, *rest = path.removeprefix("platform:").split(".")
    if f"platform:{first}" not in keys:
        return path.startswith("platform:") or (first in pipelines and not within(pipelines, first, *rest))
    node = keys[f"platform:{first}"]
    for key in rest:
        node = below(node, key.removesuffix("[]"), schema)
        if node is None:
            return True
    return False


def wrong_calls(piece: str) -> Iterator[str]:
    """Commands and options that are not there."""
    called = re.findall(r"python -m deploy( [^`]*)?$", piece)
    short = re.match(rf"(?:… )?((?:{'|'.join(commands())}) [^`]+)$", piece)  # `up prod --refresh`
    if short and not re.match(r"\w+ \S+: ", piece):  # that is what a command printed
        called.append(short[1])
    for arguments in called:
        if reason := wrong_command(arguments):
            yield f"{piece}: {reason}"
    for target in re.findall(r"(?:^|[ (])make ([a-z-]+)", piece):
        if not re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE):
            yield f"make {target}: no such target"
    for module in re.findall(r"python -m ((?:tools|components|rehearsal|policy)[\w.]*)", piece):
        if missing_file(f"{module.replace('.', '/')}.py"):
            yield f"python -m {module}: no such module"
    for option in re.findall(r"^(--[a-z-]+)", piece):
        ours = {name for command in commands().values() for each in command.params for name in each.opts}
        if option not in ours | OTHERS_OPTIONS:
            yield f"{option}: no command of ours has it"


def wrong_names(piece: str) -> Iterator[str]:
    """Files and settings that are not there."""
    if a_path(piece) and missing_file(piece):
        yield f"{piece}: no such file"
    setting = re.match(r"(platform:\w+|[a-z]\w*(?=\.))((?:\.[a-z]\w*(?:\[\])?)*)(?=$|:? )", piece)
    if not setting or setting[0] in OTHERS_SETTINGS or re.search(r"\.(py|ya?ml|md|json|lock)$", piece):
        return
    if wrong_setting(setting[0]):
        yield f"{setting[0]}: no such setting"


def within(node: Any, *path: str) -> bool:
    """Whether what was read from a file has a key within a key."""
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def problems(text: str) -> Iterator[str]:
    """What a page names and is not there."""
    for piece in code(text):
        yield from wrong_calls(piece)
        yield from wrong_names(piece)
    yield from wrong_dashboards(text)


def wrong_dashboards(text: str) -> Iterator[str]:
    """Dashboards and panels that do not exist."""
    panels = {each.title: {panel.title for panel in each.panels} for each in DASHBOARDS}
    for name, named in re.findall(r"[Dd]ashboard \*([^*]+)\*((?:, panels?|, \*[^*]+\*| \*[^*]+\*)*)", text):
        if name not in panels.keys() | OF_CHARTS:
            yield f"{name}: no such dashboard"
        else:
            missing = set(re.findall(r"\*([^*]+)\*", named)) - panels.get(name, set())
            yield from (f"{panel}: no such panel of {name}" for panel in sorted(missing))


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    """Links within the repository that lead nowhere."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in slugs(file)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_commands_files_settings_and_links_on_a_page_exist(page):
    assert [*problems(page.read_text()), *dead_links(page)] == []


def test_a_runbook_with_kubectl_begins_with_how_to_get_access():
    missing = [
        page.name
        for page in RUNBOOKS.glob("*.md")
        if "kubectl" in (text := page.read_text())
        and page.name != "README.md"
        and "(README.md#first-access)" not in text.partition("\n## ")[0]
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("`python -m deploy upp prod`", "there is no command upp"),
        ("`python -m deploy up prod --chek`", "No such option: --chek"),
        ("`python -m deploy preview\nprod --base`", "Option '--base' requires an argument"),
        ("`… preview prod --base-line main`", "No such option: --base-line"),
        ("`python -m deploy drift prod extra`", "unexpected extra argument"),
        ("`drift prod --refresh`", "No such option: --refresh"),
        ("```\npython -m deploy up --rehearse \\\n  --nothing\n```", "up has no option --nothing"),
        ("    python -m deploy smoke prod --for long", "Invalid value for '--for'"),
        ("`make rehears STACK=prod`", "no such target"),
        ("`python -m tools.nothing FOLDER`", "no such module"),
        ("`--nowhere FILE`", "no command of ours"),
        ("`docs/runbooks/gone.md`", "no such file"),
        ("`pipelines/<stack>.yaml`", "no such file"),
        ("`components/jobs/`", "no such file"),
        ("`database.skus`", "no such setting"),
        ("`platform:chart: {concourse: 1}`", "platform:chart: no such setting"),
        ("`cluster.workerPools[].size`", "no such setting"),
        ("`state.backends`", "no such setting"),
        ("Dashboard *Workers*: containers", "Workers: no such dashboard"),
        (
            "Dashboard *Concourse*, panels *Workers by state*, *Queries*",
            "Queries: no such panel of Concourse",
        ),
    ],
)
def test_a_name_of_something_that_does_not_exist_is_reported(text, told):
    assert told in "\n".join(problems(text))


def test_names_of_existing_things_are_accepted():
    right = (
        "`python -m deploy recover prod --mend --lock ID`, `python -m deploy`, `cluster.workerPools[].tags`, "
        "`Pulumi.<stack>.yaml`, `docs/runbooks/<alert>.md`, `platform:protected: false`, `state.deployers`, "
        "`charts.py`, `python -m deploy render`, `policy/rules.py`, `components/`, `.rehearsal/prod/cloud`, "
        "`pulumi up -s prod`"
    )
    assert list(problems(right)) == []


def test_a_dead_link_is_reported(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# It's one, isn't it\n[a](#its-one-isnt-it) [b](#two) [c](gone.md) [d](https://x/y) [e](page.md)\n"
    )
    assert list(dead_links(page)) == ["#two", "gone.md"]


def test_the_layout_in_the_readme_has_every_package_and_no_other_path():
    block = (ROOT / "README.md").read_text().partition("## Layout")[2].split("```")[1]
    under, seen = "", set()
    for line in block.strip("\n").splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()
        under = under if indent else name if name.endswith("/") else ""
        assert not missing_file(name, under if indent else ""), line
        seen.add((under if indent else "") + name)
    packages = {f"components/{file.parent.name}/" for file in (ROOT / "components").glob("*/__init__.py")}
    assert packages <= seen


def test_the_index_of_runbooks_links_every_runbook():
    linked = re.findall(r"\]\((\w[\w-]*\.md)\)", (RUNBOOKS / "README.md").read_text())
    assert {file.name for file in RUNBOOKS.glob("*.md")} - {"README.md"} <= set(linked)


@pytest.mark.parametrize("tool", [settings_reference, runbook_index, policy_rules])
def test_a_generated_page_is_up_to_date(tool):
    assert tool.PAGE.read_text() == tool.page(), "run make generate"


def test_the_architecture_picture_is_up_to_date(run_stack, request):
    picture = architecture.draw(run_stack("staging").resources)
    if request.config.getoption("--accept"):
        architecture.PICTURE.write_text(picture)
    assert architecture.PICTURE.read_text() == picture, "run make generate"
