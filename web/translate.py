"""Sentences of the pages: the Jinja filter ``t`` over the catalogue, and the words scripts use."""

import datetime as dt
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from geo import clock
from geo.messages import catalogue, language, say
from geo.problems import Problem
from geo.survey.own_classes import own_classes
from geo.survey.reading.frames import in_words

COOKIE = "minerisk_lang"
SCRIPT_PREFIX = "web.js."
# Words of other rooms that the scripts use too, under their own names.
SHARED_PREFIXES = ("layer.", "verification.")


@pass_context
def translate(context: Context, code: str, /, **params: Any) -> str:
    """Return the sentence `code` in the language of the page being drawn.

    Raises
    ------
    KeyError
        If the catalogue has no such code: a page never shows a bare code in its place.
    """
    return say(code, context["lang"], **params)


@pass_context
def term(context: Context, code: object, /, room: str) -> str:
    """Return the word for a stored code, or the code itself when the catalogue has none.

    Codes in stored rows may be older than the catalogue, so unlike a sentence of the page a term
    that is missing must not break the page.
    """
    if code is None or isinstance(code, Undefined) or code == "":
        return say("web.none", context["lang"])
    texts = catalogue().get(f"{room}.{code}")
    return texts[language(context["lang"])] if texts else str(code)


@pass_context
def object_class(context: Context, code: object, /, room: str) -> str:
    """Return the word for a class of protected objects; the county's own has its own name."""
    own = own_classes().get(str(code))
    return getattr(own.label, language(context["lang"])) if own else term(context, code, room)


def of_county(code: object, /) -> bool:
    """Tell whether a class of protected objects is this county's own."""
    return str(code) in own_classes()


@pass_context
def problem(context: Context, value: Problem | dict[str, Any], /) -> str:
    """Return the sentence of a problem, given as an exception or as the stored pair."""
    if isinstance(value, Problem):
        return value.say(context["lang"])
    params = in_words(value.get("params", {}), context["lang"])
    return say(value["code"], context["lang"], **params)


def when(value: object, /) -> str | Markup:
    """Return a day, or a day and the hour by the clocks of the place."""
    if value is None or isinstance(value, Undefined) or value == "":
        return ""
    if isinstance(value, dt.datetime):
        local = clock.local(value)
        return Markup('<time datetime="{}">{}</time>').format(
            value.isoformat(), local.strftime("%Y-%m-%d %H:%M")
        )
    if isinstance(value, str) and "T" in value:
        return when(dt.datetime.fromisoformat(value))
    return Markup('<time datetime="{0}">{0}</time>').format(value)


def day(moment: dt.datetime, /) -> str:
    """Return the day of a moment by the clocks of the place."""
    return clock.local(moment).date().isoformat()


def number(value: float | int | None, /, digits: int = 0) -> str:
    """Return a number with thin grouping, or a dash when there is none."""
    if value is None or isinstance(value, Undefined):
        return "—"
    return f"{value:,.{digits}f}"


def script_words(lang: str) -> dict[str, str]:
    """Return the sentences the scripts use, keyed without their prefix."""
    return {
        key.removeprefix(SCRIPT_PREFIX): texts[language(lang)]
        for key, texts in catalogue().items()
        if key.startswith((SCRIPT_PREFIX, *SHARED_PREFIXES))
    }
