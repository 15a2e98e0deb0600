"""The ten changes of docs/lost-data.md: each is refused by the check that the table names."""

import re

import pytest

from tests.support.lost_data import TEN

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("staging")]


@pytest.mark.parametrize("change", TEN)
def test_a_change_that_would_lose_data_is_refused(up, change):
    settings, edit, refusal = TEN[change]
    checkout, _ = up("staging")
    existing = checkout.objects("staging")
    file = checkout.folder / "components" / edit[0] if edit else None
    before = file.read_text() if file else ""
    try:
        if file:
            assert edit[1] in before
            file.write_text(before.replace(*edit[1:], 1))
        with checkout.changed("staging", settings):
            refused = checkout.deploy("up", "staging", "--rehearse")
    finally:
        if file:
            file.write_text(before)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert re.search(refusal, refused.stdout), refused.stdout
    assert "AttributeError" not in refused.stdout
    assert checkout.objects("staging") == existing
