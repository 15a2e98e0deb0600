"""Pages about rules and losses say what is there."""

import re

from tests.support.lost_data import TEN
from tests.support.recorder import ROOT


def test_the_page_about_losses_has_each_of_the_ten_changes_and_the_check_that_refuses_it():
    page = (ROOT / "docs" / "lost-data.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| [^|]+ \| `([a-z-]+)`", page, re.MULTILINE))
    refused_by = {change.lower(): check for change, check in rows.items()}
    assert len(TEN) == 10
    for change, (_, _, refusal) in TEN.items():
        named = re.search(r"\\\[([a-z-]+)\\\]", refusal)
        assert refused_by[change.lower()] == (named[1] if named else "protection")
