"""What a row of the board says of a pond's monitoring, drawn without a server."""

import pytest

from web import render


def said(lang, **pond):
    made = render.environment().get_template("parts/pond_say.html").make_module({"lang": lang})
    return made.alarms({"counted": True, "unheard": None, "unread": [], "monitoring": None} | pond)


@pytest.mark.parametrize(
    ("lang", "named"), [("zh", "干滩长度、视频"), ("en", "beach, video")], ids=["zh", "en"]
)
def test_the_board_names_what_a_pond_must_watch_and_does_not(lang, named):
    calm = {"level": "normal", "whole": False, "silent": False}
    assert named in said(lang, monitoring=calm, unread=["beach", "video"])
    # Struck off, it is expected to watch nothing.
    assert said(lang, counted=False, monitoring={**calm, "silent": True}).strip() == ""
    never = said(lang, unheard={"since": "2021-09-01", "days": 9}, unread=["beach"])
    assert "2021-09-01" in never
    assert said(lang, monitoring={**calm, "level": "red", "silent": True}).count("tag strong") == 2
