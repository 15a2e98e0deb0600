"""The rules of `policy/` on the engine, in previews and in updates."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from policy.rules import RULES
from tests.support.bad_changes import BAD_CHANGES
from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine
SUPPORT = Path(__file__).parents[1] / "support"
PLANT = """
import json as _json
from pathlib import Path as _Path

from google.protobuf.json_format import MessageToDict as _as_dict
from google.protobuf.json_format import ParseDict as _parse
from google.protobuf.struct_pb2 import Struct as _Struct
from pulumi.runtime.settings import get_monitor as _monitor

_ROOT = _Path(__file__).parent
exec((_ROOT / "changed.py").read_text())
_BAD, _SENT = _json.loads((_ROOT / "bad.json").read_text()), _monitor().RegisterResource


def _register(request):
    bad = [one for one in _BAD if (one[1], one[2]) == (request.type, request.name)]
    if bad:
        inputs = _as_dict(request.object)
        for _, _, _, path, value, _ in bad:
            if path == "protect":
                request.protect = value
            else:
                changed(inputs, path, value)
        request.object.CopyFrom(_parse(inputs, _Struct()))
    return _SENT(request)


_monitor().RegisterResource = _register
for _, _type, _, _path, _value, _ in _BAD:
    if _type == "pulumi:pulumi:Stack":
        pulumi.export(_path, _value)
"""
"""Goes into the program: makes the changes of `bad.json` on the way to the engine."""
UP_ALONE = """
import deploy.stack as d, deploy.text as t
with d.open_stack("staging", rehearse=True, writing=True, quiet=True) as here:
    print(t.as_text(here._run("up", here.stack.up)))
"""
"""An update without the preview that `python -m deploy up` begins with: plain `pulumi up --skip-preview`."""


def checkout_with(folder, bad):
    """A copy of the project in which the program makes bad changes."""
    checkout = Checkout(folder)
    checkout.set("staging", "database.access", "public")  # for a firewall rule
    subnets = {"nodes": "10.20.0.0/20", "endpoints": "10.20.16.32/27"}
    checkout.set("staging", "network.subnets", subnets)
    program = folder / "__main__.py"
    text = program.read_text()
    assert "\nenforce_rules()\n" in text
    program.write_text(text.replace("\nenforce_rules()\n", f"\nenforce_rules()\n{PLANT}", 1))
    source = (SUPPORT / "bad_changes.py").read_text()
    (folder / "changed.py").write_text(
        'GONE = "GONE"\n\n' + source[source.index("def changed") :].replace(": Any", "")
    )
    (folder / "bad.json").write_text(json.dumps(bad))
    return checkout


def test_the_bad_change_of_each_rule_is_refused_with_the_rules_text(tmp_path):
    checkout = checkout_with(tmp_path / "project", BAD_CHANGES)
    refused = checkout.deploy("preview", "staging", "--rehearse")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    shown = " ".join(refused.stdout.split())
    rules = {rule.name: rule for rule in RULES}
    for bad in BAD_CHANGES:
        rule = rules[bad.rule]
        where = (
            "Namespace backup" if bad.rule == "default-deny" else f"{bad.type.rpartition(':')[2]} {bad.name}"
        )
        told = f"policy violation: {where}: {rule.demands} {rule.why} "
        [text] = re.findall(rf"{re.escape(told)}(.*?) \[{re.escape(bad.rule)}\]", shown)
        assert bad.told in text
        assert text.endswith(rule.comply)


def test_an_update_without_a_preview_creates_nothing_that_a_rule_refuses(tmp_path):
    [bad] = [bad for bad in BAD_CHANGES if bad.rule == "tls-1.2"]
    checkout = checkout_with(tmp_path / "project", [bad])
    command = [sys.executable, "-c", UP_ALONE]
    done = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, check=False)
    assert re.search(r"policy violation: StorageAccount charts: .* \[tls-1.2\]", done.stdout)
    assert "Traceback" not in done.stdout + done.stderr
    made = checkout.objects("staging")
    assert [id_ for id_ in made if "/resourceGroups/" in id_]
    assert not [id_ for id_ in made if "/storageAccounts/charts" in id_]


def test_an_exception_is_shown_in_every_preview_and_counts_until_its_last_day(tmp_path):
    chosen = [bad for bad in BAD_CHANGES if bad.rule in {"tls-1.2", "one-way-in", "tagged"}]
    checkout = checkout_with(tmp_path / "project", chosen)
    today = datetime.now(UTC).date()
    reason = "agreed with its owner until it has moved"
    exceptions = [
        {"rule": "tls-1.2", "resource": "StorageAccount charts", "until": str(today + timedelta(days=1))},
        {"rule": "one-way-in", "resource": "Release influxdb2", "until": str(today - timedelta(days=1))},
    ]
    checkout.set("staging", "policy.exceptions", [one | {"reason": reason} for one in exceptions])
    comment = tmp_path / "comment.md"
    refused = checkout.deploy("preview", "staging", "--rehearse", "--markdown", str(comment))
    assert refused.returncode == 3, refused.stdout + refused.stderr
    for text in (refused.stdout, comment.read_text()):
        assert {*re.findall(r"\[(tls-1.2|one-way-in|tagged)\]", text)} == {"one-way-in", "tagged"}
        assert (
            f"exception to tls-1.2 for StorageAccount charts until {today + timedelta(days=1)}: {reason}"
            in text
        )
        assert "exception to one-way-in for Release influxdb2" in text
        assert f"has ended and no longer counts: remove its lines: {reason}" in text
