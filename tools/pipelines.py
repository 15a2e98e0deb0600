"""Checks Concourse's pipelines and tasks: `python -m tools.pipelines`, part of `make check`.

At least what `fly validate-pipeline --strict` refuses, and what fly only finds when a build runs: types
that nothing defines, files that are missing, inputs that no step gives, variables that nothing sets.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tools import concourse
from tools.concourse import BASE_TYPES, HOOKS, SOURCES, STEPS, unnamed, variables
from tools.marked import At, M, Problem, Source

ROOT = Path(__file__).resolve().parent.parent
CHECKOUTS = ("git", "github-pr-resource")
"""What gets this repository: a type, or a part of its image's name."""


def check_task(source: Source, root: Path) -> concourse.Task | None:
    """Check a task's file, and give what it says."""
    task = source.read(concourse.Task, source.data, (), "task")
    if task is None:
        return None
    _scripts(source, task, root)
    for group in ("inputs", "outputs"):
        for name, number in Counter(item.name for item in getattr(task, group)).items():
            if number > 1:
                source.tell((group,), group, f"{name!r} is there {number} times")
    if task.image_resource:
        pinned(source, task.image_resource, ("image_resource",), "image_resource")
    return task


def _scripts(source: Source, task: concourse.Task, root: Path) -> None:
    places = {i.path or i.name for i in task.inputs} | {o.path or o.name for o in task.outputs}
    for key, word in [("path", task.run.path), *(("args", word) for word in task.run.args)]:
        place, _, rest = word.partition("/")
        if not place or not re.search(r"\.(sh|py)$", word):
            continue
        file = root / rest
        if place not in places:
            source.tell(("run", key), f"run.{key}", f"{place!r} is no input of this task")
        elif not file.is_file():
            source.tell(("run", key), f"run.{key}", f"there is no file {rest}")
        elif key == "path" and not os.access(file, os.X_OK):
            source.tell(("run", key), f"run.{key}", f"{rest} is not executable: chmod +x {rest}")


def pinned(
    source: Source, image: concourse.ImageResource | concourse.ResourceType, at: At, where: str
) -> None:
    """An image has to say which one."""
    version = getattr(image, "version", {})
    if image.type == "registry-image" and not version and image.source.get("tag", "latest") == "latest":
        source.tell((*at, "source"), where, "says neither a tag nor, in version, a digest")


@dataclass
class Scope:
    """What the steps so far have made."""

    artifacts: set[str] = field(default_factory=set)
    checkouts: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """Of the variables that `load_var` and `get` set, and of `across` around."""

    def inner(self) -> "Scope":
        return Scope(set(self.artifacts), set(self.checkouts), set(self.names))

    def take(self, other: "Scope") -> None:
        """What a step inside leaves behind."""
        self.artifacts |= other.artifacts
        self.checkouts |= other.checkouts


class Pipeline:
    """One pipeline being checked."""

    def __init__(self, file: Path, root: Path, tasks: dict[Path, concourse.Task | None]) -> None:
        self.source, self.root, self.tasks = Source(file, root), root, tasks
        self.used_tasks: set[Path] = set()
        self.tell = self.source.tell
        data = self.source.data
        found = self.source.read(concourse.Pipeline, data, (), "") if not self.source.problems else None
        if not isinstance(data, dict):
            return
        self.types = self._named("resource_types", concourse.ResourceType)
        self.prototypes = self._named("prototypes", concourse.ResourceType)
        self.resources = self._named("resources", concourse.Resource)
        self.sources = self._named("var_sources", concourse.VarSource)
        self.groups = self._named("groups", concourse.Group)
        self.jobs = self._named("jobs", concourse.Job)
        if found and found.display:
            self.source.read(concourse.Display, found.display, ("display",), "display")
        self._types()
        self._unused()
        self._groups()
        self._var_sources()
        for name, (job, index) in self.jobs.items():
            self._job(name, job, ("jobs", index))
        self._cycles()

    def _named(self, section: str, model: type[M]) -> dict[str, tuple[M, int]]:
        """The items of a section that can be read, by name, with their index."""
        found: dict[str, tuple[M, int]] = {}
        given = self.source.data.get(section) or []
        for index, item in enumerate(given if isinstance(given, list) else []):
            name = item.get("name") if isinstance(item, dict) else None
            read = self.source.read(model, item, (section, index), f"{section}.{name or f'[{index}]'}")
            if name in found:
                self.tell(
                    (section, index), f"{section}.{name}", f"{section}[{found[name][1]}] has that name too"
                )
            elif isinstance(name, str):
                found[name] = read or _as_far_as_read(model, item), index
        return found

    def _types(self) -> None:
        known = BASE_TYPES | self.types.keys()
        for section, items in (("resource_types", self.types), ("prototypes", self.prototypes)):
            for name, (item, index) in items.items():
                where = f"{section}.{name}"
                # A type may stand on the base type of its own name, and on no other of its own name.
                allowed = known - ({name} - BASE_TYPES)
                self._known(item.type, allowed, "resource type", (section, index, "type"), where)
                pinned(self.source, item, (section, index), where)
        for name in self.types.keys() & self.prototypes.keys():
            self.tell(
                ("prototypes", self.prototypes[name][1]),
                f"prototypes.{name}",
                "a resource type has that name",
            )
        for name, (resource, index) in self.resources.items():
            self._known(
                resource.type, known, "resource type", ("resources", index, "type"), f"resources.{name}"
            )

    def _known(self, name: str, known: Iterable[str], what: str, at: At, where: str) -> bool:
        if name in (known := sorted(known)):
            return True
        near = get_close_matches(name, known, n=1)
        self.tell(at, where, f"unknown {what} {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return False

    def _unused(self) -> None:
        used = touched(step for job, _ in self.jobs.values() for step in inside(dict(job)))
        for name, (_, index) in self.resources.items():
            if name not in used:
                self.tell(("resources", index), f"resources.{name}", "is not used")
        stands_on = {
            r.type for items in (self.resources, self.types, self.prototypes) for r, _ in items.values()
        }
        stands_on |= {t.image_resource.type for t in self.tasks.values() if t and t.image_resource}
        for name, (_, index) in self.types.items():
            if name not in stands_on:
                self.tell(("resource_types", index), f"resource_types.{name}", "is not used")

    def _groups(self) -> None:
        for name, (group, index) in self.groups.items():
            at, where = ("groups", index), f"groups.{name}"
            for glob in group.jobs:
                if not any(fnmatchcase(job, glob) for job in self.jobs):
                    self.tell((*at, "jobs"), where, f"no job matches {glob!r}")
            for resource in group.resources:
                self._known(resource, self.resources, "resource", (*at, "resources"), where)
        globs = [glob for group, _ in self.groups.values() for glob in group.jobs]
        for name, (_, index) in self.jobs.items():
            if globs and not any(fnmatchcase(name, glob) for glob in globs):
                self.tell(("jobs", index), f"jobs.{name}", "belongs to no group")

    def _var_sources(self) -> None:
        for name, (source, index) in self.sources.items():
            at, where = ("var_sources", index, "config"), f"var_sources.{name}"
            if model := SOURCES.get(source.type):
                self.source.read(model, source.config, at, where)
        left = {
            n: {v.partition(":")[0] for v in variables(s.config) if ":" in v}
            for n, (s, _) in self.sources.items()
        }
        while ready := {name for name, needs in left.items() if not needs & left.keys()}:
            left = {name: needs for name, needs in left.items() if name not in ready}
        for name in left:
            self.tell(
                ("var_sources", self.sources[name][1]), f"var_sources.{name}", "needs a source that needs it"
            )
        outside = {k: v for k, v in self.source.data.items() if k != "jobs"}
        self._variables(outside, Scope(), (), "")

    def _variables(self, value: object, scope: Scope, at: At, where: str) -> None:
        for name in variables(value):
            source, colon, path = name.partition(":")
            local = re.split(r"[.:]", path)[0].strip('"')
            if colon and source == "." and local not in scope.names:
                self.tell(at, where, f"nothing before sets the variable (({name}))")
            elif colon and source != "." and source not in self.sources:
                self.tell(at, where, f"(({name})) is of {source!r}, which is none of var_sources")

    def _job(self, name: str, job: concourse.Job, at: At) -> None:
        where, scope = f"jobs.{name}", Scope()
        self.gets: set[str] = set()
        self._all(job.plan, scope, (*at, "plan"), f"{where}.plan")
        self._hooks(job, scope, at, where)

    def _hooks(self, owner: concourse.Job | concourse.Step, scope: Scope, at: At, where: str) -> None:
        for hook in HOOKS:
            if (step := getattr(owner, hook)) is not None:
                self._step(step, scope.inner(), (*at, hook), f"{where}.{hook}")

    def _all(self, steps: list[Any], scope: Scope, at: At, where: str) -> None:
        for index, step in enumerate(steps):
            self._step(step, scope, (*at, index), f"{where}[{index}]")

    def _step(self, given: object, scope: Scope, at: At, where: str) -> None:
        kinds = [kind for kind in STEPS if isinstance(given, dict) and kind in given]
        if len(kinds) != 1 or not isinstance(given, dict):
            found = " and ".join(kinds)
            self.tell(
                at,
                where,
                f"is {found} at once" if found else f"is no step; a step has one of {', '.join(STEPS)}",
            )
            return
        kind, name = kinds[0], given[kinds[0]]
        where += f".{kind}({name})" if isinstance(name, str) else f".{kind}"
        step = self.source.read(STEPS[kind], given, at, where)
        if step is None:
            return
        inner = scope.inner()
        self._across(step, inner, at, where)
        plain = {
            key: value
            for key, value in given.items()
            if key not in (*HOOKS, "try", "do", "in_parallel", "across")
        }
        self._variables(plain, inner, at, where)
        generated = step.across is not None and kind in ("set_pipeline", "task")
        if isinstance(name, str) and not generated and (wrong := unnamed(name)):
            self.tell((*at, kind), where, f"{name!r} {wrong}")
        getattr(self, f"_{kind}")(step, inner, at, where)
        if step.across is None:  # what is made inside of it stays there
            scope.take(inner)
            scope.names |= inner.names if kind in ("load_var", "get") else set()
        self._hooks(step, inner, at, where)

    def _across(self, step: concourse.Step, scope: Scope, at: At, where: str) -> None:
        if step.across is None and step.fail_fast:
            self.tell((*at, "fail_fast"), where, "fail_fast is for across and in_parallel")
        if step.across == []:
            self.tell((*at, "across"), where, "across has no variables")
        for index, item in enumerate(step.across or []):
            here = (*at, "across", index)
            read = self.source.read(concourse.Across, item, here, f"{where}.across[{index}]")
            if read:
                self._variables(read.values, scope, here, f"{where}.across[{index}]")
                self._sets(read.var, scope, here, f"{where}.across[{index}]")

    def _sets(self, name: str, scope: Scope, at: At, where: str) -> None:
        if name in scope.names:
            self.tell(at, where, f"the variable {name!r} is set already")
        scope.names.add(name)

    def _get(self, step: concourse.GetStep, scope: Scope, at: At, where: str) -> None:
        if step.get in self.gets:
            self.tell(at, where, "another get of this job has that name")
        self.gets.add(step.get)
        resource = step.resource or step.get
        if self._known(resource, self.resources, "resource", at, where) and self._is_checkout(resource):
            scope.checkouts.add(step.get)
        scope.artifacts.add(step.get)
        scope.names.add(step.get)
        for index, glob in enumerate(step.passed):
            matching = [job for job in self.jobs if fnmatchcase(job, glob)]
            if not matching:
                self.tell((*at, "passed", index), where, f"passed: no job matches {glob!r}")
            for name in matching:
                if resource not in self._touched(name):
                    text = f"passed: job {name!r} neither gets nor puts {resource!r}"
                    self.tell((*at, "passed", index), where, text)

    def _touched(self, job: str) -> set[str]:
        return touched(inside(dict(self.jobs[job][0])))

    def _is_checkout(self, resource: str) -> bool:
        type_ = self.resources[resource][0].type
        image = self.types[type_][0].source.get("repository", "") if type_ in self.types else ""
        return any(type_ == word or word in image for word in CHECKOUTS)

    def _put(self, step: concourse.PutStep, scope: Scope, at: At, where: str) -> None:
        self._known(step.resource or step.put, self.resources, "resource", at, where)
        for name in step.inputs if isinstance(step.inputs, list) else []:
            self._given(name, scope, (*at, "inputs"), where)
        if not step.no_get:
            scope.artifacts.add(step.put)

    def _given(self, name: str, scope: Scope, at: At, where: str) -> None:
        if "((" not in name:
            self._known(name, scope.artifacts, "input", at, where)

    def _task(self, step: concourse.TaskStep, scope: Scope, at: At, where: str) -> None:
        if bool(step.file) == (step.config is not None):
            text = "has file and config" if step.file else "has neither file nor config"
            self.tell(at, where, f"{text}; one of them is needed")
            return
        if step.image:
            self._given(step.image, scope, (*at, "image"), where)
        if step.config is not None:
            task = self.source.read(concourse.Task, step.config, (*at, "config"), f"{where}.config")
        else:
            task = self._task_file(step.file, scope, at, where)
        if task is None:
            return
        if step.config is not None and task.image_resource and step.image:
            self.tell((*at, "image"), where, "image and config.image_resource; one of them is needed")
        if not (task.image_resource or task.rootfs_uri or step.image):
            self.tell(at, where, "the task has no image, and neither has the step")
        if task.image_resource:
            known = BASE_TYPES | self.types.keys()
            self._known(task.image_resource.type, known, "resource type", at, f"{where}.image_resource")
        self._mapped(step, task, scope, at, where)
        if step.config is None:
            self._params(step, task, at, where)

    def _task_file(self, name: str, scope: Scope, at: At, where: str) -> concourse.Task | None:
        file = self._file(name, scope, (*at, "file"), where)
        if file is None:
            return None
        self.used_tasks.add(file)
        if file not in self.tasks:
            self.tell((*at, "file"), where, f"{name} is not in a folder of tasks")
        return self.tasks.get(file)

    def _file(self, name: str, scope: Scope, at: At, where: str) -> Path | None:
        """The file of this repository that a step names, if it is of this repository."""
        artifact, _, rest = name.partition("/")
        self._given(artifact, scope, at, where)
        if artifact not in scope.checkouts or "((" in rest:
            return None
        if not (self.root / rest).is_file():
            self.tell(at, where, f"there is no file {rest}")
            return None
        return self.root / rest

    def _mapped(
        self, step: concourse.TaskStep, task: concourse.Task, scope: Scope, at: At, where: str
    ) -> None:
        inputs, outputs = {i.name: i for i in task.inputs}, [o.name for o in task.outputs]
        for name in step.input_mapping:
            self._known(name, inputs, "input of the task", (*at, "input_mapping", name), where)
        for name in step.output_mapping:
            self._known(name, outputs, "output of the task", (*at, "output_mapping", name), where)
        for name, item in inputs.items():
            source = step.input_mapping.get(name, name)
            if not item.optional and "((" not in source and source not in scope.artifacts:
                self.tell(at, where, f"the task needs the input {source!r}, which no step before gives")
        scope.artifacts |= {step.output_mapping.get(name, name) for name in outputs}

    def _params(self, step: concourse.TaskStep, task: concourse.Task, at: At, where: str) -> None:
        for name in step.params:
            self._known(name, task.params, "param of the task", (*at, "params", name), where)
        for name, value in task.params.items():
            if value is None and name not in step.params:
                self.tell(at, where, f"the task needs the param {name}")

    def _run(self, step: concourse.RunStep, scope: Scope, at: At, where: str) -> None:
        del scope
        self._known(step.type, self.prototypes, "prototype", at, where)

    def _set_pipeline(self, step: concourse.SetPipelineStep, scope: Scope, at: At, where: str) -> None:
        file = self._file(step.file, scope, (*at, "file"), where)
        for index, name in enumerate(step.var_files):
            self._file(name, scope, (*at, "var_files", index), where)
        used = set(variables(file.read_text())) if file else set()
        for name in [*step.vars, *step.instance_vars] if file else []:
            if not any(re.split(r"[.:]", each)[0] == name for each in used):
                self.tell(at, where, f"{step.file} has no variable (({name}))")

    def _load_var(self, step: concourse.LoadVarStep, scope: Scope, at: At, where: str) -> None:
        self._given(step.file.partition("/")[0], scope, (*at, "file"), where)
        self._sets(step.load_var, scope, at, where)

    def _try(self, step: concourse.TryStep, scope: Scope, at: At, where: str) -> None:
        self._step(step.try_, scope, (*at, "try"), f"{where}")

    def _do(self, step: concourse.DoStep, scope: Scope, at: At, where: str) -> None:
        self._all(step.do, scope, (*at, "do"), where)

    def _in_parallel(self, step: concourse.InParallelStep, scope: Scope, at: At, where: str) -> None:
        inline = isinstance(step.in_parallel, list)
        steps = step.in_parallel if isinstance(step.in_parallel, list) else step.in_parallel.steps
        at = (*at, "in_parallel") if inline else (*at, "in_parallel", "steps")
        before = scope.inner()
        for index, each in enumerate(steps):
            branch = before.inner()
            self._step(each, branch, (*at, index), f"{where}[{index}]")
            scope.take(branch)
            scope.names |= branch.names

    def _cycles(self) -> None:
        needs = {
            name: {
                other
                for step in inside(dict(job))
                for glob in (step.get("passed") or []) if "get" in step
                for other in self.jobs if fnmatchcase(other, glob)
            }
            for name, (job, _) in self.jobs.items()
        }  # fmt: skip
        while ready := {name for name, before in needs.items() if not before & needs.keys()}:
            needs = {name: before for name, before in needs.items() if name not in ready}
        for name in needs:
            self.tell(
                ("jobs", self.jobs[name][1]), f"jobs.{name}", "waits, by passed, for a job that waits for it"
            )


def touched(steps: Iterable[dict[str, Any]]) -> set[str]:
    """The resources that steps get or put."""
    return {str(s.get("resource") or s[kind]) for s in steps for kind in ("get", "put") if kind in s}


def _as_far_as_read(model: type[M], given: dict[str, Any]) -> M:
    """Something to go on with, so that one mistake does not show as many."""
    fields: dict[str, Any] = {"plan": [], "source": {}, "config": {}, "type": "git"}
    fields |= {key: value for key, value in given.items() if isinstance(value, type(fields.get(key, value)))}
    return model.model_construct(**{key: fields[key] for key in model.model_fields if key in fields})


def inside(value: object) -> Iterator[dict[str, Any]]:
    """Every step in a job, hooks and nested ones included; also other mappings, which are none."""
    if isinstance(value, dict):
        yield value
        for key, item in value.items():
            if key not in ("params", "get_params", "vars", "instance_vars", "config"):
                yield from inside(item)
    elif isinstance(value, list):
        for item in value:
            yield from inside(item)


def problems(folder: Path, root: Path = ROOT) -> list[Problem]:
    """All that is wrong with the pipelines in a folder and with the tasks in the folder `tasks` there."""
    found: list[Problem] = []
    tasks: dict[Path, concourse.Task | None] = {}
    for file in sorted((folder / "tasks").glob("*.yml")):
        source = Source(file, root)
        tasks[file] = check_task(source, root) if not source.problems else None
        found += source.problems
    used: set[Path] = set()
    for file in sorted(folder.glob("*.yml")):
        pipeline = Pipeline(file, root, tasks)
        used |= pipeline.used_tasks
        found += sorted(pipeline.source.problems, key=lambda problem: problem.line)
    found += [
        Problem(file.relative_to(root), 1, "", "no pipeline uses this task")
        for file in tasks
        if file not in used
    ]
    return found


def main() -> int:
    """Check the pipelines, and answer with the exit code."""
    folder = ROOT / "pipelines"
    found = problems(folder)
    for problem in found:
        print(problem, file=sys.stderr)
    files = len(list(folder.glob("*.yml"))) + len(list(folder.glob("tasks/*.yml")))
    print(f"{files} pipelines and tasks: {len(found) or 'no'} problem{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
