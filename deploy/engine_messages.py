"""Every English text of Pulumi's engine and CLI that `deploy` depends on (Pulumi 3.259).

Neither events nor exit codes carry these facts. tests/deploy/test_engine_messages.py runs the pinned engine.
"""

import re

STATE_HALF_WRITTEN = "failed to load checkpoint: EOF"
"""The state file is being written at this moment (pkg/backend/diy/state.go)."""
CANCELLED = re.compile("(preview|update|context) canceled")
"""The last error of a cancelled run, and that of a request of a provider that the cancellation ended."""
ONLY_SUMMARIES = ("preview failed", "update failed", "")
"""The last error of a run with a failed step. The errors before it say why."""
REFUSED_BY_HOOK = re.compile(
    r"(?:Preview failed: )?before hook \"(kept-data|rotations)\" failed: (.*)", re.DOTALL
)
"""The program refuses an update in place that loses data (components/config/kept_data.py), or that skips a
step of a rotation (components/kubernetes/rotation_record.py)."""
UNREACHABLE = re.compile(
    r"Cluster is unreachable, skipping replaceUnready check|configured Kubernetes cluster is unreachable.*",
    re.DOTALL,
)
"""Warnings of the kubernetes provider, which then compares with the state alone (provider.go)."""
RETRIED = re.compile(r"retrying \w+ due to on-error hook request \(\d+/\d+\)")
"""Our hooks let the engine try a resource again (components/azure/passing_errors.py)."""
FROM_PATH = re.compile(r"using pulumi-\S+ from \$PATH at \S+")
"""Says where a plugin was found (workspace/plugins.go)."""
ERROR = re.compile(r"error: (.+)")
"""The reason in a `CommandError`, whose text also has the whole output."""
NO_LOGIN = "PULUMI_ACCESS_TOKEN must be set for login"
"""Nobody has logged in to a backend: the CLI tries Pulumi Cloud (pkg/backend/backenderr)."""
LOCK = re.compile(r"([^/\s]+)\.json\S*: created by (.+?)@(\S+) \(pid (\d+)\) at (\S+)")
"""One lock in the text of `ConcurrentUpdateError` (pkg/backend/diy/lock.go): id, user, host, pid, time."""
_PROTECTED = ("marked for protection", "cannot be deleted")
_URN = re.compile(r'"(urn:[^"]+)"')
_COLOUR = re.compile(r"<\{%[^%]*%\}>")
_UNHANDLED = "an unhandled error occurred: "
_ENGINE_FRAMES = re.compile(
    r"(?<=Traceback \(most recent call last\):\n)(?s:.*?)(?=  File \"[^\"]*__main__\.py\")"
)


def without_colour(message: str) -> str:
    """A message without the engine's colour marks."""
    return _COLOUR.sub("", message).strip()


def protected_urn(message: str, urn: str) -> str | None:
    """The URN of the resource that the engine refuses to delete; None if the message says something else."""
    if not any(text in message for text in _PROTECTED):
        return None
    named = _URN.search(message)
    return named[1] if named else urn


def reason(output: str) -> str:
    """The first error in the output of a `CommandError`, or what to do about it."""
    if NO_LOGIN in output:
        return (
            "nobody is logged in to the place of the states. Log in with "
            'pulumi login "$(pulumi -C bootstrap stack output backend)" (docs/getting-started.md), '
            "or add --rehearse to use simulated clouds"
        )
    found = ERROR.search(output)
    return found[1] if found else output


def program_error(message: str) -> str:
    """An error of the program, without the frames of Pulumi's own code."""
    return _ENGINE_FRAMES.sub("", message.removeprefix(_UNHANDLED))
