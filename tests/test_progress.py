"""What a person sees while it runs fits into one line of their terminal."""

import pytest

from deploy.progress import clipped


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (40, "waiting for Server database"),
        (26, "Server database"),
        (15, "Server database"),
        (14, "…rver database"),
        (2, "…e"),
        (1, ""),
        (-5, ""),
    ],
)
def test_what_is_waited_for_is_clipped_to_the_room_there_is(room, shown):
    assert clipped("waiting for Server database", room) == shown
    assert len(shown) <= max(room, 0)
