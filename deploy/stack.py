"""Runs Pulumi's engine on one stack: on the real clouds, or on simulated ones with the same program."""

import asyncio
import contextlib
import os
import runpy
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.runtime.settings import SETTINGS

from deploy.about import about
from deploy.approval import Plan
from deploy.causes import causes, last_update, same_program
from deploy.cluster_access import LoginError, api_server, kubeconfig
from deploy.engine_messages import STATE_HALF_WRITTEN, reason
from deploy.locks import Lock, describe_locks, parse_locks, refuse_live
from deploy.progress import Progress
from deploy.recover import Releases, import_pending, pending_creates
from deploy.remarks import without_effect
from deploy.stack_file import ROOT, RefusedError, config, settings
from deploy.summary import Summary, in_a_cloud
from deploy.writer import exclusive, graceful_interrupts

PARALLEL = 64
"""Resource operations at once. They wait for clouds, not for the CPU (the engine's default: 4 a core)."""
OPENINGS = 5
"""The engine of a killed run may be writing its state to a file just now. The next attempt can read it."""
HISTORY = 20
"""Operations of a stack among which its last update is looked for."""
PROJECT = "platform"


class StackRunner:
    """One stack, ready for previews, updates and checks."""

    def __init__(
        self, stack: str, workspace: auto.LocalWorkspaceOptions, *, create: bool = False, quiet: bool = False
    ) -> None:
        self.name, self.quiet = stack, quiet
        # Never creates a real stack: a preview would write, and a passphrase would be its secrets' key.
        opening = auto.create_or_select_stack if create else auto.select_stack
        for left in reversed(range(OPENINGS)):
            try:
                self.stack = opening(stack, project_name=PROJECT, program=self._program, opts=workspace)
            except FileNotFoundError:
                raise RefusedError("Pulumi's CLI is neither in .venv nor on PATH: run `make setup`") from None
            except auto.StackNotFoundError:
                raise RefusedError(
                    f"there is no stack {stack} where the states are. Create it once: "
                    f"pulumi stack init {stack} "
                    '--secrets-provider "$(pulumi -C bootstrap stack output secretsProvider)"'
                ) from None
            except auto.CommandError as failed:
                if not left or STATE_HALF_WRITTEN not in str(failed):
                    raise RefusedError(f"{stack} cannot be opened: {reason(str(failed))}") from None
                time.sleep(1)
            else:
                return

    @staticmethod
    async def _program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        # The SDK waits after this function. It inspects every output whenever one resolves: with thousands of
        # outputs that was a quarter of a preview's work. It also reports the errors of failed outputs.
        while left := [output for output in SETTINGS.outputs if not output.done()]:
            done, _ = await asyncio.wait(left, return_when=asyncio.FIRST_EXCEPTION)
            if any(output.cancelled() or output.exception() for output in done):
                return

    def preview(self, *, refresh: bool = False) -> Summary:
        """What an update would change; with `refresh`, compared with what exists and not with the state."""
        summary = self._run("preview", partial(self.stack.preview, refresh=refresh))
        if not (summary.failed or summary.new):
            for text, urn in without_effect(settings(self.name), self.resources()):
                summary.warn(text, urn)
        return summary

    def explain(self, preview: Summary, base: str = "") -> None:
        """Add to a preview which settings cause it, and what it costs. `base` is the commit of the state."""
        chosen = settings(self.name)
        preview.region = chosen.azure.location
        if preview.new:
            preview.about = tuple(about(chosen))
            return
        with contextlib.suppress(auto.CommandError):  # without the history there is no cause
            if found := last_update(self.stack.history(page_size=HISTORY, show_secrets=False)):
                before, commit = found
                alone = same_program(base or commit)
                preview.causes = causes(self.name, before, config(self.name), alone=alone)

    def plan(self, preview: Summary) -> Plan:
        """The plan of a preview that has just ended."""
        return Plan.of(preview, self.resources())

    def up(
        self,
        *,
        refresh: bool = False,
        approved: Plan | None = None,
        leave: Iterable[str] = (),
        ask: Callable[[Summary], None] | None = None,
    ) -> Summary:
        """Update the stack, unless the preview would lose a protected resource or differs from `approved`.

        `refresh` also reverts changes by hand. This process runs on the worker pools in `leave`.
        `ask` shows the preview to a person, and raises if the answer is no.
        """
        preview = self.preview(refresh=refresh)
        if preview.failed:
            return preview
        plan = self.plan(preview)
        if approved:
            approved.check(plan)
        plan.leave(leave)
        if ask:
            self.explain(preview)
            ask(preview)
        up = partial(self.stack.up, refresh=refresh, message=plan.message)
        return self._run("up", up, len(preview.changes))

    def drift(self) -> Summary:
        """How the clouds differ from the state. Does not run the program and changes nothing."""
        return self._run("drift", self.stack.preview_refresh)

    def add_release_drift(self, summary: Summary) -> None:
        """Add what was changed in objects of Helm releases. It asks the real cluster, and writes nothing."""
        from deploy import release_drift  # noqa: PLC0415 other commands do not need `requests`

        resources = self.resources()
        if not (config := kubeconfig(resources)):
            return
        try:
            with api_server(config) as access:
                found = release_drift.changed(release_drift.ApiServer(access))
        except (OSError, ValueError, KeyError, LoginError) as failed:
            summary.incomplete.append(f"the objects of Helm releases were not compared: {failed}")
            return
        for urn, texts in release_drift.by_urn(found, resources):
            summary.add_release_drift(urn, texts)

    def destroy(self) -> Summary:
        """Delete all resources of the stack, or none if one is protected."""
        resources = self.resources()
        protected = {resource["urn"] for resource in resources if resource.get("protect")}
        summary = Summary(self.name, "destroy", kept=protected)
        summary.add_implied_deletes(())
        if summary.refused:
            return summary
        return self._run("destroy", self.stack.destroy, sum(map(in_a_cloud, resources)))

    def pending_creates(self) -> list[dict[str, Any]]:
        """Resources whose creation a killed run had begun."""
        return pending_creates(self._state())

    def import_pending(self, ids: Mapping[str, str]) -> None:
        """Add pending creates to the state if they exist under these ids; `up` creates the others."""
        exported = self.stack.export_stack()
        exported.deployment = import_pending(exported.deployment or {}, ids)
        self.stack.import_stack(exported)
        if ids:  # reads their outputs, and drops those that do not exist
            self.stack.refresh(target=list(ids), color="never", suppress_outputs=True)

    def locks(self) -> list[Lock]:
        """The locks of the stack.

        Only a command that locks reports them. Renaming a stack to its own name locks it, finds the name
        taken and changes nothing; `refresh --preview-only` and `stack export` ignore locks.
        """
        try:
            with contextlib.suppress(auto.StackAlreadyExistsError):
                self.stack.rename(self.name)
        except auto.ConcurrentUpdateError as lock:
            return list(parse_locks(str(lock)))
        except auto.CommandError as failed:
            raise RefusedError(f"the locks of {self.name} cannot be read: {failed}", 1) from None
        return []

    def unlock(self, given: Collection[str] = ()) -> None:
        """Remove the locks of dead runs and those given by id; refuse if another run may be alive."""
        refuse_live(self.name, self.locks(), given)
        self.stack.cancel()

    def outputs(self) -> dict[str, Any]:
        """The program's exports, without secrets."""
        return {name: "[secret]" if out.secret else out.value for name, out in self.stack.outputs().items()}

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the stack's state."""
        return list(self._state().get("resources", ()))

    def _state(self) -> Mapping[str, Any]:
        return self.stack.export_stack().deployment or {}

    def _run(self, operation: str, run: Callable[..., Any], planned: int | None = None) -> Summary:
        summary, start = Summary(self.name, operation), time.monotonic()
        progress = Progress(f"{operation} {self.name}", planned, quiet=self.quiet)

        def on_event(event: auto.EngineEvent) -> None:
            summary.on_event(event)
            progress.on_event(event)
            progress.tell(summary.errors)

        with graceful_interrupts(), progress:
            try:
                run(on_event=on_event, parallel=PARALLEL, color="never", suppress_outputs=True)
            except auto.ConcurrentUpdateError as lock:
                raise RefusedError(describe_locks(self.name, str(lock)), 5) from None
            except auto.CommandError as failed:
                if not (summary.failed or summary.kept):
                    summary.errors.append(str(failed))
        summary.add_implied_deletes(self.resources() if summary.refused else ())
        summary.seconds = time.monotonic() - start
        if operation == "up" and not summary.failed:
            summary.outputs = self.outputs()
        return summary


@contextlib.contextmanager
def open_stack(
    stack: str,
    *,
    rehearse: bool = False,
    writing: bool = False,
    quiet: bool = False,
    home: Path | None = None,
    scale: float = 0.0,
    faults: str = "",
) -> Iterator[StackRunner]:
    """Open a stack after checking its settings; with `rehearse`, on the simulated clouds in `home`."""
    settings(stack)
    # `make setup` puts the engine beside this Python. On real clouds PATH comes first: the official CLI
    # brings the providers.
    places = [os.environ["PATH"], str(Path(sys.executable).parent)]
    os.environ["PATH"] = os.pathsep.join(reversed(places) if rehearse else places)
    if not rehearse:
        yield StackRunner(stack, auto.LocalWorkspaceOptions(work_dir=str(ROOT)), quiet=quiet)
        return
    from rehearsal.workspace import open_workspace  # noqa: PLC0415 a real run needs none of it

    home = home or rehearsal_home(stack)
    with (
        exclusive(home) if writing else contextlib.nullcontext(),
        open_workspace(stack, home=home, scale=scale, faults=faults) as here,
    ):
        workspace = auto.LocalWorkspaceOptions(work_dir=str(here.work_dir), env_vars=here.environment)
        opened = StackRunner(stack, workspace, create=True, quiet=quiet)
        opened.stack.workspace.env_vars = here.ready()
        yield opened


def rehearsal_home(stack: str) -> Path:
    """The folder of a stack's simulated clouds."""
    return ROOT / ".rehearsal" / stack


def simulated_cluster(home: Path) -> Releases:
    """The simulated cluster of a stopped rehearsal."""
    from rehearsal.leftovers import SimulatedCluster  # noqa: PLC0415 as above

    return SimulatedCluster(home)
