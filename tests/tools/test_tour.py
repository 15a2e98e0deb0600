"""The tour has a picture of each command that it is made of."""

from tests.support.recorder import ROOT
from tools import tour

PAGE = ROOT / "docs" / "tour.md"


def test_each_picture_is_on_the_page_and_says_which_command_it_shows():
    page = PAGE.read_text()
    for shot in tour.SHOTS:
        text = (tour.PICTURES / f"{shot.name}.svg").read_text().replace("&#160;", " ")
        assert f"$ python -m deploy {shot.command}" in text
        assert f"(tour/{shot.name}.svg)" in page
    assert {file.stem for file in tour.PICTURES.iterdir()} == {shot.name for shot in tour.SHOTS}


def test_a_line_that_was_rewritten_is_shown_as_it_was_at_the_end(tmp_path):
    script = r"printf 'a long line\r\033[K'; printf 'short\n\033[31mred\033[0m\n'; exit 3"
    text, code = tour.on_terminal(["sh", "-c", script], tmp_path)
    assert (text, code) == ("short\n\x1b[31mred\x1b[0m\n", 3)
    assert "short" in tour.picture(text, "x")
