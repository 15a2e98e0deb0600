"""A comment in words, with nothing that GitHub would read as markup, and below its limit."""

from datetime import date

import pytest
from pulumi import automation as auto
from pulumi.automation import EngineEvent
from pulumi.automation.events import ResourcePreEvent, StepEventMetadata, StepEventStateMetadata

from deploy.about import about
from deploy.causes import Causes
from deploy.comment import as_markdown, code
from deploy.costs import estimate
from deploy.costs.price_list import Answer
from deploy.properties import Property
from deploy.render import SECRET, UNKNOWN
from deploy.stack_file import settings
from deploy.summary import Summary
from deploy.text import as_text

STACK = "urn:pulumi:prod::platform::pulumi:pulumi:Stack::platform-prod"
LAYER = "urn:pulumi:prod::platform::platform:index:Foundation::foundation"
PART = "urn:pulumi:prod::platform::platform:index:Foundation$platform:index:Database::database"
POOL, SERVER = "azure-native:containerservice:AgentPool", "azure-native:dbforpostgresql:Server"
JOB = "kubernetes:batch/v1:Job"


def step(operation, type_, name, old=None, new=None, *, parent=PART, keys=None, **other):
    urn = name if name.startswith("urn:") else f"urn:pulumi:prod::platform::{type_}::{name}"

    def state(inputs):
        return inputs is not None and StepEventStateMetadata(
            type=type_, urn=urn, id="", parent=parent, provider="", inputs=inputs, outputs={},
            **{"custom": True, "protect": False} | other,
        )  # fmt: skip

    metadata = StepEventMetadata(
        op=operation, urn=urn, type=type_, provider="", keys=keys,
        old=state(old) or None, new=state(new) or None,
        diffs=keys or [key for key in new or {} if (old or {}).get(key) != new[key]],
    )  # fmt: skip
    return EngineEvent(sequence=0, timestamp=0, resource_pre_event=ResourcePreEvent(metadata=metadata))


def summary(*events, **other):
    found = Summary("prod", "preview", **other)
    for event in events:
        found.on_event(event)
    return found


SAME = step("same", "kubernetes:core/v1:Namespace", "same", {}, {})
LARGER = step("update", SERVER, "database", {"sku": {"name": "a"}}, {"sku": {"name": "b"}})
AGAIN = [step("replace", JOB, name, {"spec": 1}, {"spec": 2}, keys=["spec"]) for name in ("teams", "setup")]


def first_paragraph(found):
    return as_markdown(found).split("\n\n")[1]


def test_the_first_paragraph_says_what_happens_the_most_disturbing_first():
    tags = step("update", POOL, "workers", {"tags": {"a": "b"}}, {"tags": {"a": "c"}})
    unknown = step("update", POOL, "other", {"mode": "b"}, {"mode": "c"})
    assert first_paragraph(summary(SAME, tags, *AGAIN, unknown, LARGER)) == (
        "The database server restarts (`Server database`). The Job runs again (`Job setup`, `Job teams`). "
        "Only tags change (`AgentPool workers`). "
        "The effect on running parts is not known here for `AgentPool other`."
    )


def test_the_first_paragraph_begins_with_a_refusal_and_counts_what_is_created_and_deleted():
    lost = step("delete", SERVER, "old", {}, None, protect=True)
    found = first_paragraph(summary(SAME, lost, *(step("create", JOB, name, None, {}) for name in "ab")))
    assert found == (
        "`up` will refuse this: it loses what is protected (`Server old`). "
        "2 resources are created. 1 resource is deleted."
    )


def test_the_first_paragraph_names_the_settings_if_nothing_else_differs():
    setting = Property("database.sku", "a", "b")
    alone = summary(SAME, LARGER, causes=Causes((setting,), alone=True))
    assert first_paragraph(alone).endswith("All of it follows from `database.sku`.")
    assert "follows" not in first_paragraph(summary(SAME, LARGER, causes=Causes((setting,))))
    for found in (as_markdown(alone), as_text(alone)):
        assert "database.sku" in found
    assert "  - `sku.name`: `a` → `b` (from `database.sku`)" in as_markdown(alone)
    assert "      sku.name: a → b  (from database.sku)" in as_text(alone).splitlines()


def test_nothing_is_claimed_of_a_value_that_is_known_later():
    old, new = ({"sku": {"name": name}, "tags": {"a": name}} for name in ("a", UNKNOWN))
    [change] = summary(step("update", SERVER, "database", old, new)).changes
    assert (change.effects, change.known) == ((), False)


def test_nothing_to_change_is_said_in_words():
    assert first_paragraph(summary(SAME)) == "Nothing changes."


def test_jobs_that_run_again_stand_behind_what_is_lost():
    found = as_markdown(summary(SAME, *AGAIN, step("replace", SERVER, "z", {"a": 1}, {"a": 2}, keys=["a"])))
    assert found.index("- `Server z`") < found.index("- `Job setup`: the Job runs again")


def new_stack():
    created = [step("create", SERVER, "server", None, {}), step("create", POOL, "pool", None, {})]
    return summary(
        step("create", "platform:index:Foundation", LAYER, None, {}, parent=STACK, custom=False),
        step("create", "platform:index:Database", PART, None, {}, parent=LAYER, custom=False),
        *created,
        step("create", POOL, "other", None, {}),
        step("create", JOB, "alone", None, {}, parent=LAYER),
    )


def test_a_new_stack_is_a_tree_with_the_number_of_resources_in_each_part():
    shown = as_text(new_stack()).splitlines()[1:]
    assert shown == [
        "  foundation  4",
        "  ├─ (of its own)  1: Job",
        "  └─ database  3: 2 AgentPool, Server",
    ]
    comment = as_markdown(new_stack())
    assert first_paragraph(new_stack()) == "A new stack: 4 resources are created."
    assert "\n".join(line.removeprefix("  ") for line in shown) in comment


@pytest.fixture
def prices(monkeypatch):
    known = (Answer("https://example.org", date(2026, 1, 2), "westeurope", {"Standard_D4ds_v5": 0.1}),)
    monkeypatch.setattr(estimate, "answers", lambda: known)


def pool(size, most):
    return {"vmSize": size, "minCount": 1, "maxCount": most}


def test_a_comment_has_the_difference_of_the_costs_and_counts_what_has_no_price(prices):
    more = step("update", POOL, "workers", pool("Standard_D4ds_v5", 2), pool("Standard_D4ds_v5", 3))
    same = step("same", POOL, "odd", pool("Standard_X1", 2), pool("Standard_X1", 2))
    found = summary(same, more, region="westeurope")
    comment = as_markdown(found)
    assert "The monthly costs change by about +0 to +73 USD." in comment
    assert (
        "| AgentPool workers | 1-2 x Standard_D4ds_v5: 73 to 146 | 1-3 x Standard_D4ds_v5: 73 to 219 |\n"
        "| **sum** | **73 to 146** | **73 to 219** |\n"
    ) in comment
    assert "1 without a price (AgentPool odd)" in comment
    assert "costs: about 73 to 219 USD a month (+0 to +73); list prices of 2026-01-02" in as_text(found)


def test_there_is_no_estimate_after_a_run_that_saw_only_a_part(prices):
    found = summary(step("create", POOL, "workers", None, pool("Standard_D4ds_v5", 2)), region="westeurope")
    assert found.costs
    found.errors.append("it stopped")
    assert "costs" not in as_text(found) + as_markdown(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a\n# b", "`a # b`"), ("```", "```` ``` ````")],
)
def test_a_value_is_code_whatever_is_in_it(text, expected):
    assert code(text) == expected


def test_no_secret_reaches_the_text_the_comment_or_json():
    old, new = (
        {"login": {SECRET: "1", "value": text}, "more": [{SECRET: "1", "plaintext": text}]}
        for text in ("hunter2", "hunter3")
    )
    found = summary(SAME, step("update", SERVER, "database", old, new))
    shown = as_text(found) + as_markdown(found) + found.as_json()
    assert "hunter" not in shown
    assert "login: [secret] changes" in shown


@pytest.mark.parametrize("operation", ["update", "replace"])
def test_a_comment_with_many_changes_keeps_githubs_limit_and_counts_what_it_leaves_out(operation):
    old, new = ({f"property{n}": {"of": text * 99} for n in range(30)} for text in "ab")
    keys = [f"property{n}" for n in range(30)]
    many = [step(operation, SERVER, f"{'x' * 60}-{n}", old, new, keys=keys) for n in range(300)]
    comment = as_markdown(summary(SAME, *many))
    assert len(comment) < 65_536
    assert (
        "and 280 more" if operation == "update" else "more lines: the log of the preview has them"
    ) in comment


def test_a_terminal_of_sixty_columns_wraps_lines_and_keeps_their_indentation():
    found = summary(SAME, step("update", SERVER, "database", {"a": "b " * 40}, {"a": "c"}))
    shown = as_text(found, 60).splitlines()
    assert max(map(len, shown)) <= 60
    assert [line for line in shown if line.startswith("        b")]


def test_drift_says_which_resources_differ():
    event = auto.EngineEvent(sequence=0, timestamp=0, res_outputs_event=LARGER.resource_pre_event)
    found = Summary("prod", "drift")
    found.on_event(event)
    assert first_paragraph(found) == "1 resource differs from the state: `Server database`."


ZONE = "azure-native:dns:Zone"


def tagged(name, **old):
    return step("update", ZONE, name, {"tags": {"a": "b"}, **old}, {"tags": {"a": "c"}, **old})


def test_resources_of_which_only_the_same_tags_change_are_one_entry_behind_the_others():
    found = summary(tagged("a"), tagged("b"), tagged("c"), tagged("d"), LARGER)
    lines = as_text(found).splitlines()[1:]
    assert lines[0].startswith("  update Server database: ")
    assert lines[2:] == [
        "  update Zone a, Zone b, Zone c and 1 more: only tags change",
        "      tags.a: b → c",
    ]
    assert "- `Zone a`, `Zone b`, `Zone c`, `Zone d`: only tags change" in as_markdown(found)


def test_other_tags_are_another_entry():
    other = step("update", ZONE, "d", {"tags": {"e": "f"}}, {"tags": {"e": "g"}})
    lines = as_text(summary(tagged("a"), tagged("b"), tagged("c"), other)).splitlines()
    assert [line for line in lines if "Zone d" in line] == ["  update Zone d: only tags change"]


def test_tags_beside_a_known_property_leave_nothing_unknown():
    old, new = ({"maxCount": count, "tags": {"a": tag}} for count, tag in ((3, "b"), (6, "c")))
    said = first_paragraph(summary(SAME, step("update", POOL, "workers", old, new)))
    assert "nodes do not restart" in said
    assert "not known" not in said


def test_a_change_to_values_that_only_the_update_knows_is_perhaps_none():
    record = step("update", "azure-native:dns:RecordSet", "ns", {"nsRecords": ["a"]}, {"nsRecords": UNKNOWN})
    assert "`RecordSet ns` may stay the same: only the update knows" in first_paragraph(summary(SAME, record))


def test_a_setting_without_effect_is_no_cause():
    settings = (Property("database.storageGb", 64, 128), Property("tags.a", "b", "c"))
    found = summary(tagged("a"), causes=Causes(settings, alone=True))
    found.warn("database.storageGb is 128, and the server has 64: …", "")
    assert first_paragraph(found).endswith("All of it follows from `tags.a`.")


def test_drift_is_told_as_what_has_happened_and_how_to_revert_it():
    found = Summary("prod", "drift")
    gone = step("delete", ZONE, "b", {"tags": {}})
    for one in (step("update", POOL, "workers", {"maxCount": 3}, {"maxCount": 9}), gone):
        outputs = one.resource_pre_event
        found.on_event(EngineEvent(sequence=0, timestamp=0, res_outputs_event=outputs))
    text = as_text(found)
    assert "  changed AgentPool workers\n      maxCount: 3 → 9\n  gone Zone b\n" in text
    assert "`up prod --refresh` reverts it" in text
    assert "**Gone**\n\n- `Zone b` because it no longer exists" in as_markdown(found)


def test_the_comment_of_a_new_stack_says_what_it_is():
    found = summary(step("create", SERVER, "database", None, {}))
    found.about = tuple(about(settings("prod")))
    lines = as_markdown(found).splitlines()
    assert lines[lines.index("**The stack**") + 2] == "- subscription: `5d1c7f0a-92b4-4e63-8a17-c0e4f6b2d981`"
    assert "- left out: `nothing`" in lines
