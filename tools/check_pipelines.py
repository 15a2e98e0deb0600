"""Checks Concourse's pipelines and tasks: `python -m tools.check_pipelines`, part of `make check`.

`fly validate-pipeline --strict` checks each pipeline by itself, and runs here if `fly` is on PATH. This
module checks what fly does not see: duplicate YAML keys, the task files and scripts of this repository, the
inputs, outputs and params of tasks, `passed:`, and `((variables))` that nothing sets.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
FLY = "fly validate-pipeline --strict"
SECRETS = "docs/pipelines.md"  # lists the variables that Concourse reads from Vault, as ((name))
NESTING = ("plan", "try", "do", "in_parallel")
STEPS = (*NESTING, "get", "put", "task", "run", "set_pipeline", "load_var")  # a job counts as the step "plan"
HOOKS = {"on_success", "on_failure", "on_abort", "on_error", "ensure"}
VARIABLE = re.compile(r"\(\(((?:[-/.\w]+:)?[-/.:@\"\w]+)\)\)")
UNSET = f"nothing sets it; set it in a set_pipeline or load_var step, or list it in {SECRETS} as a secret"


def variables(value: object) -> list[str]:
    """The variables in a value, each once: `name`, `source:name` or `.:name`."""
    return list(dict.fromkeys(VARIABLE.findall(str(value))))


def mappings(value: object) -> Iterator[dict[str, Any]]:
    """All mappings in a value. In a job these include every step, with nested steps and hooks."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(item)


def steps(given: Any) -> list[dict[str, Any]]:
    """The steps under `plan`, `try`, `do` or `in_parallel`."""
    return list(given.get("steps", [given]) if isinstance(given, dict) else given)


def paths(value: object, prefix: str = "") -> Iterator[str]:
    """The keys of nested mappings as variables name them: `a`, `a.b`."""
    for key, item in value.items() if isinstance(value, dict) else ():
        yield f"{prefix}{key}"
        yield from paths(item, f"{prefix}{key}.")


def duplicate_keys(node: yaml.Node | None, key: str = "") -> Iterator[tuple[str, str]]:
    items = [(None, item) for item in node.value] if isinstance(node, yaml.SequenceNode) else []
    seen: set[str] = set()
    for index, (name, item) in enumerate(node.value if isinstance(node, yaml.MappingNode) else items):
        here = f"{key}[{index}]" if name is None else f"{key}.{name.value}".lstrip(".")
        if name is not None and name.value in seen:
            yield here, f"duplicate key, in line {name.start_mark.line + 1}; only the last one counts"
        seen.add(name.value if name else "")
        yield from duplicate_keys(item, here)


def one_of(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"


class Checker:
    """Checks a folder of pipelines, with their tasks in its folder `tasks`."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.root, self.problems, self.used = root, set[str](), set[Path]()
        self.vars = {file: self.read(file) for file in sorted(folder.glob("vars/*.yml"))}
        self.tasks = {file: self.read(file) for file in sorted(folder.glob("tasks/*.yml"))}
        self.pipelines = {file: self.read(file) for file in sorted(folder.glob("*.yml"))}
        for self.file, data in [*self.tasks.items(), *self.pipelines.items()]:  # noqa: B020
            try:
                self.scripts(data) if self.file in self.tasks else self.pipeline(data)
            except (AttributeError, KeyError, TypeError) as error:
                self.report("schema", f"not as Concourse defines it ({error!r}); see {FLY}")
        for self.file in self.tasks.keys() - self.used:  # noqa: B020
            self.report("task", "no pipeline uses it; delete the file")

    def report(self, key: str, text: str) -> None:
        self.problems.add(f"{self.file.relative_to(self.root)}: {key}: {text}")

    def read(self, file: Path) -> dict[str, Any]:
        self.file, text = file, file.read_text()
        try:
            for key, problem in duplicate_keys(yaml.compose(text, Loader=yaml.SafeLoader)):
                self.report(key, problem)
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            self.report("YAML", str(error))
            return {}
        return data if isinstance(data, dict) else {}

    def scripts(self, task: dict[str, Any]) -> None:
        """The scripts of this repository that a task runs, as `<input>/<path in the repository>`."""
        run = task.get("run", {})
        inputs = {item.get("path", item["name"]) for item in task.get("inputs", [])}
        for index, word in enumerate([run.get("path", ""), *run.get("args", [])]):
            key = f"run.args[{index - 1}]" if index else "run.path"
            place, _, path = word.partition("/")
            if not path.endswith((".sh", ".py")) or not place:
                continue
            if place not in inputs:
                self.report(key, f"{place!r} is not an input of the task; {one_of(place, inputs)}")
            elif not (self.root / path).is_file():
                self.report(key, f"{path} does not exist; create it or correct the path")
            elif key == "run.path" and not os.access(self.root / path, os.X_OK):
                self.report(key, f"{path} is not executable; run chmod +x {path}")

    def pipeline(self, data: dict[str, Any]) -> None:
        self.jobs = {job["name"]: job for job in data.get("jobs", [])}
        self.set = {f"{source['name']}:" for source in data.get("var_sources", [])} | self.set_by_pipelines()
        secrets = self.root / SECRETS
        self.set |= set(VARIABLE.findall(secrets.read_text())) if secrets.exists() else set()
        self.variables({key: value for key, value in data.items() if key != "jobs"}, set(), "resources")
        for name, job in self.jobs.items():
            self.step(job, set(), f"jobs.{name}")

    def set_by_pipelines(self) -> set[str]:
        """The variables that the `set_pipeline` steps of all pipelines set for this one."""
        found: set[str] = set()
        for step in mappings(list(self.pipelines.values())):
            if "set_pipeline" in step and step["file"].endswith(f"/{self.file.relative_to(self.root)}"):
                found |= {*step.get("vars", {}), *step.get("instance_vars", {})}
                for name in step.get("var_files", []):
                    found.update(paths(self.vars.get(self.root / name.partition("/")[2])))
        return found

    def variables(self, value: object, scope: set[str], key: str) -> None:
        for name in variables(value):
            source, colon, path = name.rpartition(":")
            found = f".:{path.split('.')[0]}" if source == "." else f"{source}:" if colon else name
            if found not in scope | self.set:
                near = get_close_matches(found, scope | self.set, n=1)
                self.report(f"{key}.(({name}))", UNSET + (f" (did you mean {near[0]}?)" if near else ""))

    def step(self, step: dict[str, Any], outer: set[str], key: str) -> None:
        """Check a step; add the artifacts (`name`) and local variables (`.:name`) that it sets to `outer`."""
        kind = next((kind for kind in STEPS if kind in step), "")
        if not kind:
            self.report(key, f"not a step; a step has one of the keys {', '.join(STEPS[1:])}")
        key += f".{kind}({step[kind]})" if isinstance(step.get(kind), str) else f".{kind}"
        scope = set(outer) if "across" in step else outer  # its artifacts stay inside
        scope |= {f".:{each['var']}" for each in step.get("across", [])}
        own = {name: value for name, value in step.items() if name not in {*NESTING, *HOOKS}}
        self.variables(own, scope, key)
        if check := getattr(self, f"check_{kind}", None):
            check(step, scope, key)
        before = set(scope)
        for index, each in enumerate(steps(step[kind]) if kind in NESTING else []):
            # Steps that run in parallel do not have each other's artifacts.
            branch = set(before) if kind == "in_parallel" else scope
            self.step(each, branch, f"{key}[{index}]")
            scope |= branch
        for hook in HOOKS & step.keys():
            self.step(step[hook], set(scope), f"{key}.{hook}")

    def artifact(self, name: str, scope: set[str], key: str) -> None:
        if name not in scope and "((" not in name:
            known = [each for each in scope if ":" not in each]
            self.report(key, f"no step before this one provides {name!r}; {one_of(name, known)}")

    def repository_file(self, name: str, scope: set[str], key: str) -> Path | None:
        """A file that a step names as `<artifact>/<path in the repository>`."""
        place, _, path = name.partition("/")
        self.artifact(place, scope, key)
        if not (self.root / path).is_file() and "((" not in path:
            self.report(key, f"{path} does not exist; create it or correct the path")
        return self.root / path if (self.root / path).is_file() else None

    def check_get(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        resource = step.get("resource", step["get"])
        scope |= {step["get"], f".:{step['get']}"}
        for glob in step.get("passed", []):
            jobs = [job for name, job in self.jobs.items() if fnmatchcase(name, glob)]
            if not jobs:
                self.report(f"{key}.passed", f"there is no job {glob!r}; {one_of(glob, self.jobs)}")
            for job in jobs:
                if resource not in {s.get("resource", s.get("get", s.get("put"))) for s in mappings(job)}:
                    text = f"job {job['name']!r} has no get or put of {resource!r}; add a get there"
                    self.report(f"{key}.passed", text)

    def check_put(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        inputs = step.get("inputs", [])
        for name in inputs if isinstance(inputs, list) else []:
            self.artifact(name, scope, f"{key}.inputs")
        scope |= set() if step.get("no_get") else {step["put"]}

    def check_load_var(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        self.artifact(step["file"].partition("/")[0], scope, f"{key}.file")
        scope.add(f".:{step['load_var']}")

    def check_set_pipeline(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        for name in [step["file"], *step.get("var_files", [])]:
            self.repository_file(name, scope, key)

    def check_task(self, step: dict[str, Any], scope: set[str], key: str) -> None:
        task = step.get("config")
        if task is None:
            file = self.repository_file(step.get("file", ""), scope, f"{key}.file")
            if file is None:
                return
            self.used.add(file)
            task = self.tasks.get(file, {})
            self.params(step.get("params", {}), task.get("params", {}), f"{key}.params")
        inputs = {item["name"]: item.get("optional") for item in task.get("inputs", [])}
        outputs = {item["name"]: True for item in task.get("outputs", [])}
        for mapping, known in (("input_mapping", inputs), ("output_mapping", outputs)):
            for name in step.get(mapping, {}).keys() - known:
                self.report(f"{key}.{mapping}", f"the task does not have {name!r}; {one_of(name, known)}")
        for name in [name for name, optional in inputs.items() if not optional]:
            self.artifact(step.get("input_mapping", {}).get(name, name), scope, f"{key}.inputs")
        scope |= {step.get("output_mapping", {}).get(name, name) for name in outputs}

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
            command = [fly, *FLY.split()[1:], "--config", str(file)]
            failed += bool(subprocess.run(command, check=False).returncode)
        else:
            print(f"{file.name}: skipped `{FLY}`: fly is not on PATH")
    print(f"{len(checker.pipelines)} pipelines, {len(checker.tasks)} tasks: {len(checker.problems)} problems")
    return 1 if checker.problems or failed else 0


if __name__ == "__main__":
    sys.exit(main())
