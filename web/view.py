"""From what the store answers to what a page shows: pure functions of dictionaries."""

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

import shapely

from geo import clock
from geo.hazards import colour_of, grade_name, hazards
from geo.messages import say
from geo.problems import Problem
from geo.rules import national_rules
from geo.store import matches
from geo.survey.candidates import falls
from geo.survey.coverage import states
from geo.survey.layers import layers
from geo.survey.reading import ReadOptions
from web.render import crs_name

HORIZONS = (90, 180, 365)
LINES = ("effective", "determined", "proposed", "decided")
KINDS = ("coal", "metal_underground", "open_pit")
SOURCES = ("declared", "appraisal", "survey", "neighbour", "decision")
GREY = "grey"
# Acts that are history though no grade moved.
TOLD_ANYWAY = ("objection", "objection_answer")
SHORT = ("red", "orange", "yellow", "blue", GREY)

# Systems that Chinese mine files come in, central meridians 105-120° E: geographic, then each datum
# by zone and by meridian.
ENCODINGS = ("GB18030", "UTF-8", "BIG5")
_GEOGRAPHIC = (4490, 4610, 4214, 4326)
_FIRST = (4525, 4544, 2361, 2380, 2413, 2432)


def day(text: str) -> dt.date:
    """Return the date a reader asked for; today where they left it empty.

    Raises
    ------
    Problem
        If it is no date.
    """
    if not text:
        return clock.today()
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise Problem("web.error.date", value=text) from error


def known(text: str) -> dt.date | None:
    """Return the day up to whose end things were known; None for now."""
    return day(text) if text else None


def line(name: str) -> str:
    """Return the line asked for, the effective one where there is no such line."""
    return name if name in LINES else "effective"


def hazard(code: str) -> str:
    """Return the hazard asked for, or nothing where there is no such hazard."""
    return code if code in hazards() else ""


def reading_choices(lang: str) -> dict[str, Any]:
    """Return what a sender may say of a file: layers and coordinate systems."""
    epsgs = [*_GEOGRAPHIC, *(first + i for first in _FIRST for i in range(6))]
    return {
        "layer_names": list(layers()),
        "encodings": ENCODINGS,
        "crs_choices": [(epsg, crs_name(epsg, lang)) for epsg in epsgs],
    }


def options(crs: str, encoding: str, layer: str, mine: str) -> ReadOptions:
    """Return how a file is to be read.

    Raises
    ------
    Problem
        If the coordinate system is not a number.
    """
    wanted = crs.strip().upper().removeprefix("EPSG:")
    if wanted and not wanted.isdigit():
        raise Problem("web.error.crs", value=crs)
    return ReadOptions(
        crs=int(wanted) if wanted else None,
        encoding=encoding.strip() or None,
        layer=layer.strip() or None,
        mine_code=mine.strip() or None,
    )


def mapped(
    wanted: ReadOptions, part: dict[str, Any], kind: str, fields: dict[str, str]
) -> ReadOptions:
    """Return how a file is to be read with what a person changed about one of its sources.

    Only what differs from how it was read is kept: the rest is still found out from the file. A
    source of another type has other fields, so a change of type asks for the fields anew.
    """
    if kind and kind != part["layer"]:
        types = {**wanted.layers, part["source_name"]: kind}
        return wanted.model_copy(update={"layers": types})
    source = part["source_name"]
    changed = {c: f for c, f in fields.items() if f != part["mapping"].get(c, "")}
    of = {**wanted.mapping_of, source: {**wanted.mapping_of.get(source, {}), **changed}}
    return wanted.model_copy(update={"mapping_of": of})


def read_otherwise(
    wanted: ReadOptions, said: ReadOptions, source: str, about: str = "crs"
) -> ReadOptions:
    """Return how a file is to be read with what a person said anew of all of it, or of one source.

    What is left empty is found out from the file again. What was said of single sources stands
    until another system, or another encoding, is said for all. Of one source only what it is
    `about` is said: ``crs`` or ``encoding``.
    """
    if source:
        new = getattr(said, about)
        others = {of: told for of, told in getattr(wanted, f"{about}_of").items() if of != source}
        # What the file says itself is a choice too, where something else was settled before.
        here = {} if about == "crs" and new == wanted.crs else {source: new}
        return wanted.model_copy(update={f"{about}_of": {**others, **here}})
    update: dict[str, Any] = {
        name: getattr(said, name) for name in ("crs", "encoding", "layer", "mine_code")
    }
    for about in ("crs", "encoding"):
        if getattr(said, about) != getattr(wanted, about):
            update[f"{about}_of"] = {}
    return wanted.model_copy(update=update)


def field_choices() -> dict[str, list[str]]:
    """Return the canonical fields of each layer type, for the forms that map columns."""
    return {name: list(one.fields) for name, one in layers().items()}


def with_survey_states(
    sent: list[dict[str, Any]], surveys: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return uploads with what became of the survey each was submitted as."""
    states = {survey["id"]: survey["state"] for survey in surveys}
    return [{**one, "survey_state": states.get(one["survey_id"])} for one in sent]


def mended_shapes(
    notes: list[dict[str, Any]], rows: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return notes with the shape before and after mending, as GeoJSON, where both are known."""
    after = {(row["layer"], row["row_no"]): row["geometry"] for row in rows}
    shown = []
    for note in notes:
        was = note["params"].get("before")
        now = after.get((note["layer"], note["row_no"]))
        both = None
        if was and now is not None:
            both = [json.loads(shapely.to_geojson(shape)) for shape in (shapely.from_wkt(was), now)]
        shown.append({**note, "both": both})
    return shown


def frame_in_doubt(result: dict[str, Any]) -> bool:
    """Tell whether a layer may lie in another system than it was read in."""
    return any((part["crs"] or {}).get("candidates") for part in result["layers"])


def frames(rows: list[dict[str, Any]], result: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    """Return where each layer falls as it was read, and under each other system it may be in."""
    made = []
    for part in result["layers"]:
        crs = part["crs"] or {}
        shapes = [row["geometry"] for row in rows if row["layer"] == part["layer"]]
        others = [int(one["epsg"]) for one in crs.get("candidates") or ()]
        if not shapes or not crs.get("epsg") or not others:
            continue
        chosen = int(crs["epsg"])
        for epsg, outline in falls(shapes, chosen, others).items():
            made.append(
                {
                    "epsg": epsg,
                    "name": crs_name(epsg, lang),
                    "layer": say(f"layer.{part['layer']}", lang) if part["layer"] else "",
                    "chosen": epsg == chosen,
                    "shape": json.loads(shapely.to_geojson(outline)),
                }
            )
    return made


def moves(found: Iterable[dict[str, Any]], lang: str) -> list[dict[str, Any]]:
    """Return moves with the sentences of the reader's language."""
    return [{**move, "why": move["why"][lang]} for move in found]


def question(match: dict[str, Any]) -> dict[str, Any]:
    """Return whether a row is a known object, as the template's filter for sentences takes it."""
    code, params = matches.words(match)
    return {**match, "code": code, "params": params}


def _shown(row: dict[str, Any], name: str, only: str, lang: str) -> tuple[str, str]:
    """Return the colour and the words of a mine for one line, over all hazards or for one."""
    if not only:
        colour = row["colours"][name] or GREY
        return colour, say(f"web.colour.{colour}", lang)
    of = next(one for one in row["lines"] if one["hazard"] == only)
    word = grade_name(only, of[name], lang)
    if name == "effective" and of["not_below"]:
        word = say("web.grade.not_below", lang, grade=word)
    return colour_of(only, of[name]) or GREY, word


def around(boxes: Iterable[list[float]]) -> list[float] | None:
    """Return the box around boxes (west, south, east, north); None around none."""
    known = list(boxes)
    if not known:
        return None
    west, south, east, north = zip(*known, strict=True)
    return [min(west), min(south), max(east), max(north)]


def map_state(rows: list[dict[str, Any]], name: str, only: str, lang: str) -> dict[str, Any]:
    """Return what the map paints: each mine's colour, words and place.

    A mine whose kind does not have the hazard asked for is left out: it is neither low nor
    undetermined, the question does not arise.
    """
    kinds = hazards()[only].kinds if only else None
    shown = [row for row in rows if row["bounds"] and (kinds is None or row["kind"] in kinds)]
    mines = []
    for row in shown:
        colour, label = _shown(row, name, only, lang)
        west, south, east, north = row["bounds"]
        mines.append(
            {
                "code": row["code"],
                "name": row["name"],
                "kind": row["kind"],
                "colour": colour,
                "label": label,
                # The mark stands at the northern edge, so that it hides nothing of the ground.
                "at": [row["point"][0], north],
                "bounds": [west, south, east, north],
            }
        )
    return {"mines": mines, "bounds": around(mine["bounds"] for mine in mines)}


def _reason(claim: dict[str, Any], lang: str) -> dict[str, Any]:
    return {**claim, "sentence": claim["sentence"][lang]}


def _why(found: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    """Return the reasons by hazard, worst first: what the grade rests on, and apart the rest."""
    groups = []
    for of in found["lines"]:
        winners = set(of["winners"])
        here = [
            claim
            for claim in found["claims"]
            if claim["hazard"] == of["hazard"]
            and (claim["grade"] is not None or claim["outcome"] == "undetermined")
        ]
        here.sort(key=lambda c: (c["grade"] is None, c["key"]))
        if here:
            groups.append(
                {
                    "hazard": of["hazard"],
                    "grade": of["effective"],
                    "not_below": of["not_below"],
                    "reasons": [_reason(c, lang) for c in here if c["key"] in winners],
                    "others": [_reason(c, lang) for c in here if c["key"] not in winners],
                }
            )
    scale = {h: hazards()[h].rank for h in hazards()}

    def worst_first(group: dict[str, Any]) -> tuple[bool, int]:
        grade = group["grade"]
        return grade is None, -scale[group["hazard"]](grade) if grade else 0

    return sorted(groups, key=worst_first)


def _targets(found: dict[str, Any], lang: str) -> list[dict[str, str]]:
    """Return what an ending may be proposed for: the factors met, then what persons stated."""
    targets: dict[str, str] = {}
    for met in found["encounters"]:
        attrs = met["evidence"].get("attrs") or {}
        name = attrs.get("code") or attrs.get("name") or ""
        targets[f"factor:{met['factor_key']}"] = f"{say('layer.' + met['layer'], lang)} {name}"
    for claim in found["claims"]:
        if claim["grade"] is None or (claim["rule_id"] and claim["status"] != "held"):
            continue
        word = grade_name(claim["hazard"], claim["grade"], lang)
        label = hazards()[claim["hazard"]].label[lang]
        source = say(f"web.source.{claim['source']}", lang)
        targets[f"claim:{claim['key']}"] = f"{label} · {word} · {source}"
    return [{"value": value, "text": text} for value, text in targets.items()]


def factors_met(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each factor met by the day asked about once: layer, attrs and geometry."""
    met: dict[str, dict[str, Any]] = {}
    for one in found["encounters"]:
        if one["geometry"] and (one["enters_on"] is None or one["enters_on"] <= found["on"]):
            attrs = {**one["evidence"]["attrs"], "verification": one["evidence"]["verification"]}
            shape = shapely.from_geojson(json.dumps(one["geometry"]))
            met.setdefault(
                one["factor_key"], {"layer": one["layer"], "attrs": attrs, "geometry": shape}
            )
    return list(met.values())


def documents(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the documents a mine's grades rest on: what each says, and since when."""
    rows = {
        (claim["document"], claim["hazard"]): claim
        for claim in found["claims"]
        if claim["document"] and claim["source"] in ("declared", "appraisal", "decision")
    }
    return sorted(rows.values(), key=lambda c: (str(c["valid_from"] or ""), c["document"]))


def _coverage(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return coverage of each extent (L11) at the longest horizon, the one the law asks for."""
    last = max((row["horizon"] for row in rows), default=0)
    least = national_rules().parameters.coverage_tolerance_m2.value
    groups = [
        {
            "extent": extent,
            "years": last,
            "rows": [
                {**row, "states": states(row, least)}
                for row in rows
                if row["extent"] == extent and row["horizon"] == last
            ],
        }
        for extent in ("footprint", "field")
    ]
    return [group for group in groups if group["rows"]]


def mine(found: dict[str, Any], lang: str) -> dict[str, Any]:
    """Return a mine as its page and the map's panel show it."""
    return {
        **found,
        "colour": found["colour"] or GREY,
        "why": _why(found, lang),
        "duties": [
            _reason(claim, lang)
            for claim in found["claims"]
            if claim["outcome"] in ("duty", "precaution", "question")
        ],
        "warnings": [_reason(claim, lang) for claim in found["warnings"]],
        "coverage": _coverage(found["coverage"]),
        "history": [
            row for row in found["history"] if row["changes"] or row["kind"] in TOLD_ANYWAY
        ],
        "targets": _targets(found, lang),
    }


def proposal(row: dict[str, Any], of: dict[str, Any] | None, lang: str) -> dict[str, Any]:
    """Return what waits for a second person, with its target in words and what it would move.

    Parameters
    ----------
    row : dict
        As the store lists it.
    of : dict or None
        The mine it concerns, as the store answers, where it concerns one.
    lang : str
        ``zh`` or ``en``.
    """
    body = row["body"]
    target = f"{body.get('target_kind')}:{body.get('target_key')}"
    words = {one["value"]: one["text"] for one in _targets(of, lang)} if of else {}
    found = [
        {**move, "mine_name": move["mine_code"], "why": []} for move in body.get("moves") or ()
    ]
    return {**row, "target": words.get(target, ""), "moves": found}
