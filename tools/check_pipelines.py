"""Checks Concourse's pipelines and tasks: `python -m tools.check_pipelines`, part of `make check`.

A pipeline's grammar is for `fly validate-pipeline --strict`, which runs here if `fly` is on PATH, and for
the server. This module checks what neither sees before a build: task files and their scripts, what steps give
one another (artifacts, params, variables), and types. tests/pipelines/examples.yml has verdicts of both.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
FLY = "fly validate-pipeline --strict"
SECRETS = "docs/pipelines.md"  # lists the variables that Concourse reads from Vault, as ((name))
NESTING = ("try", "do", "in_parallel", "plan")  # a job counts as the step "plan"
STEPS = ("run", "task", "put", "get", "set_pipeline", "load_var", *NESTING)
HOOKS = ("on_success", "on_failure", "on_abort", "on_error", "ensure")
VARIABLE = re.compile(r"\(\(((?:[-/.\w]+:)?[-/.:@\"\w]+)\)\)")
UNSET = f"nothing sets it; set it in a set_pipeline or load_var step, or list it in {SECRETS} as a secret"
# .github/ISSUE_TEMPLATE/release-major-minor.md of Concourse 8.2.5
WORKERS_TYPES = [
    "bosh-io-release", "bosh-io-stemcell", "docker-image", "git", "github-release", "hg", "mock", "pool",
    "registry-image", "s3", "semver", "time",
]  # fmt: skip
TEXTS = {
    "format": "json|yaml|yml|trim|raw",
    "version": "every|latest",
    "inputs": "all|detect",
    "timeout": r"(\d+(\.\d+)?(ns|us|ms|s|m|h))+",
}
"""Texts that keys of steps may have; Concourse reads them when it runs the step."""
TASK: dict[str, Any] = {
    "platform": "", "rootfs_uri": "", "image_resource": {}, "container_limits": {}, "params": {},
    "run": {"path": "", "args": [""], "dir": "", "user": ""},
    "inputs": [{"name": "", "path": "", "optional": False}],
    "outputs": [{"name": "", "path": ""}],
    "caches": [{"path": "", "ttl": ""}],
}  # fmt: skip
"""The keys of a task file with a value of their type: `TaskConfig` in atc/task.go."""


def texts(value: object) -> Iterator[str]:
    """All texts in a value, keys too."""
    if isinstance(value, str):
        yield value
    items = [*value, *value.values()] if isinstance(value, dict) else value
    for item in items if isinstance(items, list) else ():
        yield from texts(item)


def variables(value: object) -> list[str]:
    """The variables in a value, each once: `name`, `source:name` or `.:name`."""
    return list(dict.fromkeys(name for text in texts(value) for name in VARIABLE.findall(text)))


def mappings(value: object) -> Iterator[dict[str, Any]]:
    """All mappings in a value. In a job these include every step, with nested steps and hooks."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(item)


def paths(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """The keys of nested mappings as variables name them (`a`, `a.b`), with their values."""
    for key, item in value.items() if isinstance(value, dict) else ():
        yield f"{prefix}{key}", item
        yield from paths(item, f"{prefix}{key}.")


def one_of(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"


def unlike(value: object, like: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The places where a value has other keys or types than `like`; an empty `like` has any."""
    kind = type(like)
    if type(value) is not kind:
        yield key, f"must be a {kind.__name__}, not {value!r}"
    elif isinstance(value, dict) and like:
        for name, item in value.items():
            if name not in like:
                yield f"{key}.{name}".lstrip("."), f"Concourse knows no such key; {one_of(name, like)}"
            elif item is not None:
                yield from unlike(item, like[name], f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unlike(item, like[0], f"{key}[{index}]")


class Loader(yaml.SafeLoader):
    """YAML without duplicate keys, of which only the last one would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"duplicate key {key.value}", problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key.value, str) else "")
        return super().construct_mapping(node, deep)


class Checker:
    """Checks a folder of pipelines, with their tasks in its folder `tasks`."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.root, self.problems, self.used = root, set[str](), set[Path]()
        self.secrets = set(VARIABLE.findall((root / SECRETS).read_text()))
        self.vars, self.tasks, self.pipelines = (
            {file: self.read(file) for file in sorted(folder.glob(files))}
            for files in ("vars/*.yml", "tasks/*.yml", "*.yml")
        )
        for self.file, data in [*self.tasks.items(), *self.pipelines.items()]:  # noqa: B020
            try:
                self.task(data) if self.file in self.tasks else self.pipeline(data)
            except (AttributeError, KeyError, TypeError) as error:
                self.report("schema", f"not as Concourse defines it ({error!r}); see {FLY}")
        for self.file in self.tasks.keys() - self.used:  # noqa: B020
            self.report("task", "no pipeline uses it; delete the file")

    def report(self, key: str, text: str) -> None:
        self.problems.add(f"{self.file.relative_to(self.root)}: {key}: {text}")

    def read(self, file: Path) -> dict[str, Any]:
        self.file = file
        try:
            data = yaml.load(file.read_text(), Loader)  # noqa: S506 a SafeLoader
        except yaml.YAMLError as error:
            self.report("YAML", str(error))
            return {}
        return data if isinstance(data, dict) else {}

    def task(self, task: dict[str, Any]) -> None:
        """Check a task file. Scripts of this repository are given as `<input>/<path in the repository>`."""
        for key, text in unlike({"platform": "", **task}, TASK):
            self.report(key, text)
        if not task.get("platform"):
            self.report("platform", "is missing, as in platform: linux")
        inputs = {item.get("path", item["name"]) for item in task.get("inputs") or []}
        run = task.get("run") or {}
        for index, word in enumerate([run.get("path", ""), *(run.get("args") or [])]):
            key = f"run.args[{index - 1}]" if index else "run.path"
            place, _, path = str(word).partition("/")
            if not path.endswith((".sh", ".py")) or not place:
                continue
            if place not in inputs:
                self.report(key, f"{place!r} is not an input of the task; {one_of(place, inputs)}")
            elif not (self.root / path).is_file():
                self.report(key, f"{path} does not exist; create it or correct the path")
            elif key == "run.path" and not os.access(self.root / path, os.X_OK):
                self.report(key, f"{path} is not executable; run chmod +x {path}")

    def setters(self, file: Path) -> Iterator[tuple[dict[str, Any], list[Path]]]:
        """The `set_pipeline` steps that set a pipeline, each with its files of variables."""
        for step in mappings(list(self.pipelines.values())):
            if "set_pipeline" in step and str(step.get("file")).endswith(f"/{file.relative_to(self.root)}"):
                yield step, [self.root / name.partition("/")[2] for name in step.get("var_files") or []]

    def pipeline(self, data: dict[str, Any]) -> None:
        self.given: dict[str, Any] = {}
        for step, files in self.setters(self.file):
            for values in (*map(self.vars.get, files), step.get("vars"), step.get("instance_vars")):
                self.given |= values or {}
        scope = {*self.secrets, *(f"{source['name']}:" for source in data.get("var_sources") or [])}
        self.variables({**data, "jobs": None}, scope, "resources")
        types = {*WORKERS_TYPES, *(each["name"] for each in data.get("resource_types") or [])}
        for resource in data.get("resources") or []:
            if (kind := resource["type"]) not in types and not variables(kind):
                text = f"no worker has type {kind!r}; {one_of(kind, types)}"
                self.report(f"resources.{resource['name']}", text)
        for job in data.get("jobs") or []:
            self.step({"plan": [], **job}, set(scope), f"jobs.{job['name']}")

    def variables(self, value: object, scope: set[str], key: str, given: object = None) -> None:
        """Check that something sets each variable (a step, a source, Vault or a mapping), and its type."""
        values = dict(paths(self.given if given is None else given))
        for text, name in [(each, name) for each in texts(value) for name in variables(each)]:
            source, path = re.fullmatch(r"(?:([-/.\w]+):)?(.+)", name).groups("")  # type: ignore[union-attr]
            fields = [field.strip('"') for field in re.findall(r'"[^"]*"|[^."]+', path)]
            starts = [".".join(fields[:end]) for end in range(1, len(fields) + 1)]
            if source:
                starts = [f".:{each}" for each in starts] if source == "." else [f"{source}:"]
            given_texts = [found for each in starts if isinstance(found := values.get(each), str)]
            if not scope.isdisjoint(starts) or variables(given_texts):
                continue  # the build sets it; only the build knows the fields of a text with variables
            if starts[-1] not in values:
                known = {each for each in scope if not each.endswith("/")} | values.keys()
                near = get_close_matches(name, known, n=1)
                self.report(f"{key}.(({name}))", UNSET + (f" (did you mean {near[0]}?)" if near else ""))
            elif text != f"(({name}))" and type(found := values[starts[-1]]) not in (str, int):
                wrong = f"within a text it must be a text or a whole number, not {found!r}"
                self.report(f"{key}.(({name}))", wrong)

    def step(self, step: dict[str, Any], outer: set[str], key: str) -> None:
        """Check a step; add to `outer` the artifacts (`name/`) and local variables (`.:name`) it sets."""
        kind = next((kind for kind in STEPS if kind in step), "")
        if not kind:
            return  # refused by fly and by the server
        key += f".{kind}({step[kind]})" if isinstance(step[kind], str) else f".{kind}"
        # Only `across` has a scope of its own (atc/exec/across_step.go), and hooks are outside it.
        scope = self.across(step["across"], outer, key) if step.get("across") else outer
        own = {name: value for name, value in step.items() if name not in {*NESTING, *HOOKS, "across"}}
        self.variables(own, scope, key)
        for name in TEXTS.keys() & own.keys():
            value = own[name]
            if isinstance(value, str) and not variables(value) and not re.fullmatch(TEXTS[name], value):
                self.report(f"{key}.{name}", f"{value!r} does not match {TEXTS[name]}")
        if kind in NESTING:
            self.nested(kind, step[kind], scope, key)
        elif check := getattr(self, f"check_{kind}", None):
            check(step, scope, key)
        for hook in HOOKS:
            self.step(step.get(hook) or {}, outer, f"{key}.{hook}")

    def across(self, across: list[dict[str, Any]], scope: set[str], key: str) -> set[str]:
        for each in across:
            values = each.get("values")
            self.variables(values, scope, f"{key}.across")
            if name := VARIABLE.fullmatch(str(values)):
                values = dict(paths(self.given)).get(name[1], [])
            if not isinstance(values, list):
                self.report(f"{key}.across({each['var']}).values", f"must be a list, not {values!r}")
        return {*scope, *(f".:{each['var']}" for each in across)}

    def nested(self, kind: str, steps: Any, scope: set[str], key: str) -> None:
        one_by_one = kind != "in_parallel"
        if isinstance(steps, dict):
            one_by_one = one_by_one or steps.get("limit") == 1
            steps = [steps] if kind == "try" else steps.get("steps")
        before = set(scope)
        for index, each in enumerate(steps or []):
            branch = scope if one_by_one else set(before)  # without what steps that run beside it set
            self.step(each, branch, f"{key}[{index}]")
            scope |= branch

    def artifact(self, name: str, scope: set[str], key: str) -> None:
        if f"{name}/" not in scope and not variables(name):
            known = [each.rstrip("/") for each in scope if each.endswith("/")]
            self.report(key, f"no step before this one provides {name!r}; {one_of(name, known)}")

    def repository_file(self, name: str, scope: set[str], key: str) -> Path:
        """A file that a step names as `<artifact>/<path in the repository>`."""
        place, _, path = name.partition("/")
        self.artifact(place, scope, key)
        if not (self.root / path).is_file() and not variables(name):
            self.report(key, f"{path} does not exist; create it or correct the path")
        return self.root / path

    def check_get(self, step: dict[str, Any], scope: set[str], _key: str) -> None:
        scope |= {f"{step['get']}/", f".:{step['get']}"}

    def check_put(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        for name in step.get("inputs") or [] if not isinstance(step.get("inputs"), str) else []:
            self.artifact(name, scope, f"{key}.inputs")
        scope |= set() if step.get("no_get") else {f"{step['put']}/", f".:{step['put']}"}

    def check_load_var(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        self.artifact(str(step.get("file")).partition("/")[0], scope, f"{key}.file")
        scope.add(f".:{step['load_var']}")

    def check_set_pipeline(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        for name in [step.get("file") or "", *(step.get("var_files") or [])]:
            self.repository_file(name, scope, key)

    def check_task(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        if "image" in step:
            self.artifact(step["image"], scope, f"{key}.image")
        task = step.get("config") or {}
        if "file" in step:
            file = self.repository_file(step["file"], scope, f"{key}.file")
            self.used.add(file)
            if file not in self.tasks:
                return
            task = self.tasks[file]
            self.variables(task, scope, f"{key}.file", step.get("vars") or {})
            self.params(step.get("params") or {}, task.get("params") or {}, f"{key}.params")
        for kind in ("input", "output"):
            mapping, items = step.get(f"{kind}_mapping") or {}, task.get(f"{kind}s") or []
            names = [item["name"] for item in items]
            for name in mapping.keys() - names:
                self.report(
                    f"{key}.{kind}_mapping", f"the task does not have {name!r}; {one_of(name, names)}"
                )
            for item in items:
                name = mapping.get(item["name"], item["name"])
                if kind == "output":
                    scope.add(f"{name}/")
                elif not item.get("optional"):
                    self.artifact(name, scope, f"{key}.inputs")

    def params(self, given: dict[str, Any], known: dict[str, Any], key: str) -> None:
        for name in given.keys() - known:
            self.report(key, f"the task has no param {name!r}; {one_of(name, known)}")
        for name in [name for name, default in known.items() if default is None and name not in given]:
            self.report(key, f"{name} is missing; set it here, or give it a default in the task")


def main(folder: Path = ROOT / "pipelines", root: Path = ROOT) -> int:
    checker, fly, failed = Checker(folder, root), shutil.which("fly"), 0
    for problem in sorted(checker.problems):
        print(problem, file=sys.stderr)
    for file in checker.pipelines:
        if fly:
            files = dict.fromkeys(each for _, files in checker.setters(file) for each in files)
            given = [f"--load-vars-from={each}" for each in files]
            command = [fly, *FLY.split()[1:], "--config", str(file), *given]
            failed += bool(subprocess.run(command, check=False).returncode)
        else:
            print(f"{file.name}: skipped `{FLY}`: fly is not on PATH")
    print(f"{len(checker.pipelines)} pipelines, {len(checker.tasks)} tasks: {len(checker.problems)} problems")
    return 1 if checker.problems or failed else 0


if __name__ == "__main__":
    sys.exit(main())
