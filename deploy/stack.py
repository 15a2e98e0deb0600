"""Runs the engine on one stack: the real clouds, or the rehearsed ones behind the same program."""

import asyncio
import contextlib
import os
import re
import runpy
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.runtime.settings import SETTINGS

from deploy.approval import Plan
from deploy.locks import Lock, held, let_go, written
from deploy.progress import Watch
from deploy.recover import adopted, half_made
from deploy.stack_file import ROOT, RefusedError, settings
from deploy.summary import Outcome, in_a_cloud
from deploy.writer import alone, patient

PARALLEL = 64
"""Resource operations at once: they wait for clouds, not for this machine. (The engine's own choice is
four a core.)"""
PROJECT = "platform"


class Driver:
    """One stack, ready to be previewed, updated, checked and destroyed."""

    def __init__(self, stack: str, workspace: auto.LocalWorkspaceOptions, *, quiet: bool = False) -> None:
        self.name, self.quiet = stack, quiet
        try:
            self.stack = self._opened(workspace)
        except FileNotFoundError:
            raise RefusedError("Pulumi's CLI is neither in .venv nor on PATH: run `make setup`") from None
        except auto.CommandError as failed:
            reason = re.search(r"error: (.+)", str(failed))
            raise RefusedError(f"{stack} cannot be opened: {reason[1] if reason else failed}") from None

    def _opened(self, workspace: auto.LocalWorkspaceOptions, tries: int = 5) -> auto.Stack:
        try:
            return auto.create_or_select_stack(
                self.name, project_name=PROJECT, program=self._program, opts=workspace
            )
        except auto.CommandError as failed:
            # The engine of a driver that was killed may just be writing its state to a file.
            if tries == 1 or "failed to load checkpoint: EOF" not in str(failed):
                raise
        time.sleep(1)
        return self._opened(workspace, tries - 1)

    @staticmethod
    async def _program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        # The SDK's own wait, which comes after this, looks at every output each time that one is ready: with
        # thousands of them that was a quarter of a preview's work. It tells of what failed here.
        while left := [output for output in SETTINGS.outputs if not output.done()]:
            done, _ = await asyncio.wait(left, return_when=asyncio.FIRST_EXCEPTION)
            if any(output.cancelled() or output.exception() for output in done):
                return

    def preview(self, operation: str = "preview", *, refresh: bool = False) -> Outcome:
        """What an update would do; with `refresh`, starting from what the clouds really hold."""
        return self._run(operation, lambda **how: self.stack.preview(refresh=refresh, **how, **PACK))

    def plan(self, preview: Outcome) -> Plan:
        """What a preview that has just ended was of."""
        return Plan.of(self.name, preview.changes, self.resources())

    def up(
        self, *, refresh: bool = False, approved: Plan | None = None, leave: Iterable[str] = ()
    ) -> Outcome:
        """Update the stack, unless the preview shows that something protected would be lost.

        With `refresh`, what was changed by hand is changed back. An approved plan has to hold still.
        Worker pools to `leave` are those that this runs on.
        """
        preview = self.preview(refresh=refresh)
        if preview.failed:
            return preview
        plan = self.plan(preview)
        if approved:
            approved.check(plan)
        plan.leave(leave)
        return self._run(
            "up",
            lambda **how: self.stack.up(refresh=refresh, message=plan.message, **how, **PACK),
            len(preview.changes),
        )

    def drift(self) -> Outcome:
        """How the clouds differ from what the program last made. Changes nothing."""
        return self.preview("drift", refresh=True)

    def destroy(self) -> Outcome:
        """Delete the stack's resources, all of them or none."""
        resources = self.resources()
        kept = {resource["urn"] for resource in resources if resource.get("protect")}
        outcome = Outcome(self.name, "destroy", kept=kept)
        outcome.settle(())
        if outcome.refused:
            return outcome
        return self._run("destroy", self.stack.destroy, sum(map(in_a_cloud, resources)))

    def half_made(self) -> list[dict[str, Any]]:
        """Resources that a killed run had begun to make."""
        return half_made(self.stack.export_stack().deployment or {})

    def adopt(self, ids: Mapping[str, str]) -> None:
        """Take half-made resources into the state, those that exist; the others are made by the next `up`."""
        exported = self.stack.export_stack()
        mended = adopted(exported.deployment or {}, ids)
        self.stack.import_stack(auto.Deployment(version=exported.version, deployment=mended))
        if ids:
            self.stack.refresh(target=list(ids), color="never", suppress_outputs=True)

    def locks(self) -> list[Lock]:
        """Who holds the stack. Pulumi tells when it is to change something, be it to a name that is taken."""
        try:
            self.stack.rename(self.name)
        except auto.StackAlreadyExistsError:
            return []
        except auto.ConcurrentUpdateError as lock:
            return list(written(str(lock)))
        except auto.CommandError as failed:
            raise RefusedError(f"nobody can tell who holds {self.name}: {failed}", 1) from None
        return []

    def unlock(self, given: Collection[str] = ()) -> None:
        """Take away the locks of dead runs, and those that are given; refuse where another may be at work."""
        let_go(self.name, self.locks(), given)
        self.stack.cancel()

    def outputs(self) -> dict[str, Any]:
        """What the program exported, secrets left out."""
        return {name: "[secret]" if out.secret else out.value for name, out in self.stack.outputs().items()}

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the stack's state."""
        found: list[dict[str, Any]] = (self.stack.export_stack().deployment or {}).get("resources", [])
        return found

    def _run(self, operation: str, run: Callable[..., Any], planned: int | None = None) -> Outcome:
        outcome, start = Outcome(self.name, operation), time.monotonic()
        with patient(), Watch(f"{operation} {self.name}", planned, quiet=self.quiet) as watch:

            def take(event: auto.EngineEvent) -> None:
                outcome.take(event)
                watch.take(event)

            try:
                run(on_event=take, parallel=PARALLEL, color="never", suppress_outputs=True)
            except auto.ConcurrentUpdateError as lock:
                raise RefusedError(held(self.name, str(lock)), 5) from None
            except auto.CommandError as failed:
                if not (outcome.failed or outcome.kept):
                    outcome.errors.append(str(failed))
        outcome.settle(self.resources() if outcome.refused else ())
        outcome.seconds = time.monotonic() - start
        if operation == "up" and not outcome.failed:
            outcome.outputs = self.outputs()
        return outcome


PACK: dict[str, Any] = {"policy_packs": [str(ROOT / "policy")]}


@contextlib.contextmanager
def driver(  # noqa: PLR0913 each by name
    stack: str,
    *,
    rehearse: bool = False,
    writing: bool = False,
    quiet: bool = False,
    home: Path | None = None,
    scale: float = 0.0,
    faults: str = "",
) -> Iterator[Driver]:
    """Open a stack whose settings are right; with `rehearse`, in the workspace `home`."""
    settings(stack)
    # The engine is beside this Python, where `make setup` puts it. For real clouds a person's own comes
    # first: the official one brings the providers.
    places = [os.environ["PATH"], str(Path(sys.executable).parent)]
    os.environ["PATH"] = os.pathsep.join(reversed(places) if rehearse else places)
    if not rehearse:
        yield Driver(stack, auto.LocalWorkspaceOptions(work_dir=str(ROOT)), quiet=quiet)
        return
    from rehearsal.workspace import open_workspace  # noqa: PLC0415 a real run needs none of it

    home = home or ROOT / ".rehearsal" / stack
    with (
        alone(home) if writing else contextlib.nullcontext(),
        open_workspace(stack, home=home, scale=scale, faults=faults) as here,
    ):
        workspace = auto.LocalWorkspaceOptions(work_dir=str(here.work_dir), env_vars=here.environment)
        opened = Driver(stack, workspace, quiet=quiet)
        opened.stack.workspace.env_vars = here.ready()
        yield opened
