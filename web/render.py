"""Drawing a page: the Jinja environment, its filters, and what every page knows."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from pyproj.exceptions import CRSError

from geo import clock, hazards
from geo.messages import catalogue, language, say
from geo.survey.layers import layers
from geo.survey.reading.frames import words_of
from geo.survey.why import field_name
from geo.tailings import words
from geo.tailings.words import labels
from web import translate

ROOM = Path(__file__).resolve().parent
STATIC = ROOM / "static"
THEME = "minerisk_theme"
TOLD = "minerisk_told"

# Each role's pages, the first page first.
NAV = {
    "regulator": (
        "advance",
        "mines",
        "ponds",
        "inbox",
        "map",
        "boards",
        "ledger",
        "surveys",
        "uploads",
    ),
    "administrator": ("advance", "mines", "ponds", "inbox", "map", "boards", "ledger", "surveys"),
    "enterprise": (
        "advance",
        "mines",
        "ponds",
        "map",
        "boards",
        "ledger",
        "objections",
        "surveys",
        "uploads",
    ),
    "geologist": ("uploads", "surveys", "map"),
}


@cache
def stamp() -> str:
    """Return a short hash of the served files.

    It stands in their address, so that a browser may keep them for ever and still never mixes the
    scripts of two versions: modules import each other by relative address.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in STATIC.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(STATIC)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def static(path: str) -> str:
    """Return the address of a served file."""
    return f"/static/{stamp()}/{path}"


@cache
def crs_name(epsg: int | str | None, lang: str) -> str:
    """Return a system's name and number, or the number alone when PROJ does not know it."""
    if epsg in (None, ""):
        return "—"
    try:
        return f"{words_of(int(str(epsg)), lang)} · EPSG:{epsg}"
    except (CRSError, ValueError):
        return f"EPSG:{epsg}"


@pass_context
def crs_word(context: Context, epsg: int | str | None, /) -> str:
    """Return a system's name and number in the language of the page."""
    return crs_name(epsg, context["lang"])


@pass_context
def grade_word(context: Context, hazard: str, grade: str | None, not_below: bool = False) -> str:
    """Return the word for a grade: ``未定`` for none, ``不低于 X`` when rows are missing (L5)."""
    lang = context["lang"]
    word = hazards.grade_name(hazard, grade, lang)
    return say("web.grade.not_below", lang, grade=word) if grade and not_below else word


@pass_context
def hazard_name(context: Context, hazard: str, /) -> str:
    """Return the hazard's name in the language of the page."""
    label = hazards.hazards()[hazard].label[context["lang"]]
    return label[:1].upper() + label[1:]


@pass_context
def colour_words(context: Context, colour: str, /) -> str:
    """Return the words of the legend for a colour, ``grey`` being no grade at all."""
    label = hazards.colour_label("none" if colour == "grey" else colour, context["lang"])
    return label[:1].upper() + label[1:]


@pass_context
def attribute(context: Context, name: str, /) -> str:
    """Return the words for an attribute's name."""
    lang = context["lang"]
    said = field_name(name, lang)
    if said != name:
        return said
    # A mine's own figures are fields of its boundary file.
    bare = name.removeprefix("mine.")
    field = layers()["mine_boundary"].fields.get(bare)
    return getattr(field.label, lang) if field else bare


@pass_context
def field_label(context: Context, name: str, /, layer: str | None) -> str:
    """Return the words for a canonical field of a layer, the bare name where there are none."""
    field = layers()[layer].fields.get(name) if layer in layers() else None
    return getattr(field.label, context["lang"]) if field else name


@pass_context
def pond_word(context: Context, code: str, /, room: str) -> str:
    """Return the word for a pond's state, event, trigger, obligation, or who must act."""
    found = labels()[room].get(code)
    return str(found[context["lang"]]) if found else str(code)


@pass_context
def items_said(context: Context, codes: Iterable[str], /) -> str:
    """Return the names of items of a pond's monitoring, as one reads them."""
    return words.items_said(codes, context["lang"])


def colour(hazard: str, grade: str | None) -> str:
    """Return the swatch of a grade; no grade is hatched grey, never blue (L5)."""
    return hazards.colour_of(hazard, grade) or "grey"


@pass_context
def reason(context: Context, value: Any, /) -> str:
    """Return a stored reason: the pair of code and parameters, a bare code, or plain text."""
    if isinstance(value, dict):
        return translate.problem(context, value)
    texts = catalogue().get(str(value))
    return texts[language(context["lang"])] if texts else str(value)


@cache
def environment() -> Environment:
    """Return the Jinja environment of the pages.

    An undefined name is an error here: a page with a hole in it is worse than a page that says it
    failed.
    """
    made = Environment(
        loader=FileSystemLoader(ROOM / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        t=translate.translate,
        term=translate.term,
        object_class=translate.object_class,
        problem=translate.problem,
        when=translate.when,
        day=translate.day,
        number=translate.number,
        reason=reason,
        crs_name=crs_word,
        hazard=hazard_name,
        colour_words=colour_words,
        attribute=attribute,
        field_label=field_label,
        pond_word=pond_word,
        items_said=items_said,
    )
    made.tests.update(of_county=translate.of_county)
    made.globals.update(static=static, colour_of=colour, grade_word=grade_word)
    made.policies["json.dumps_function"] = lambda value, **kw: json.dumps(
        value, ensure_ascii=False, default=str, **kw
    )
    return made


def lang_of(request: Request) -> str:
    """Return the language of the page: the reader's last choice, else Chinese."""
    return language(request.cookies.get(translate.COOKIE))


def here(request: Request) -> str:
    """Return the path and query of this request."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"


def told_cookie(code: str, params: dict[str, Any]) -> str:
    """Return the note, for the next page, of what was done."""
    return quote(json.dumps([code, params], ensure_ascii=True))


def _told(request: Request, lang: str) -> str:
    """Return what the last act did, in one sentence; nothing if the note is not one of ours."""
    note = request.cookies.get(TOLD)
    if not note:
        return ""
    try:
        code, params = json.loads(unquote(note))
        return say(code, lang, **params) if code.startswith("web.told.") else ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def draw(
    request: Request,
    template: str,
    *,
    reader: Any = None,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """Draw `template` as an answer to `request`.

    Parameters
    ----------
    request : Request
        Gives the language, the theme and the address.
    template : str
        Name under ``templates``.
    reader : Signed, optional
        Who is signed in, with the token that goes into every form.
    status : int
        HTTP status.
    **values
        What the page shows.
    """
    actor = reader.actor if reader else None
    lang = lang_of(request)
    path = request.url.path
    nav = []
    for name in NAV[actor.role] if actor else ():
        href = f"/{name}"
        nav.append(
            {
                "href": href,
                "text": f"web.nav.{name}",
                "here": path == href or path.startswith(href + "/"),
            }
        )
    theme = request.cookies.get(THEME)
    known = {
        "lang": lang,
        "theme": theme if theme in ("dark", "light") else "",
        "actor": actor,
        "csrf": reader.csrf if reader else "",
        "nav": nav,
        "here": here(request),
        "words": translate.script_words(lang),
        "on": clock.today().isoformat(),
        "told": _told(request, lang),
    }
    html = environment().get_template(template).render(known | values)
    answer = HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})
    if known["told"]:
        answer.delete_cookie(TOLD)
    return answer
