"""From what the store answers of ponds to what a page shows: pure functions of dictionaries."""

from collections.abc import Iterable
from typing import Any

import shapely

from geo.messages import say
from geo.problems import Problem
from geo.survey.layers import layer
from geo.tailings.board import BANDS, most_late, must_close
from geo.tailings.life import life_rules
from geo.tailings.siting import ACTIONS, Proposal
from geo.tailings.words import labels
from web.profile import draw_profile

LISTS = (
    "must_close",
    "late_law",
    "late_plan",
    "upcoming",
    "head_top",
    "alarms",
    "under",
    "questions",
)


def shade(pond: dict[str, Any]) -> str:
    """Return how a pond is drawn: late, close, gone, unknown or use; words say it too."""
    if not pond["counted"]:
        return "gone"
    if must_close(pond):
        return "late" if most_late(pond) else "close"
    return "unknown" if pond["state"] == "unknown" else "use"


def mark(pond: dict[str, Any]) -> str:
    """Return the name of a pond's mark: its shape says head-top, its colour the closure."""
    return f"{'top' if pond['head_top']['counts'] else 'pond'}-{shade(pond)}"


def marks(ponds: Iterable[dict[str, Any]], lang: str) -> list[dict[str, Any]]:
    """Return what the map paints of ponds."""
    words = labels()["state"]
    return [
        {
            "code": one["code"],
            "name": one["name"],
            "mark": mark(one),
            "label": _label(one, words[one["state"]][lang], lang),
            "at": one["point"],
            "bounds": one["bounds"],
        }
        for one in ponds
    ]


def _label(pond: dict[str, Any], state: str, lang: str) -> str:
    outcome = pond["head_top"]["outcome"]
    if not pond["head_top"]["counts"]:
        return state
    return f"{state} · {say(f'web.head_top.{outcome}', lang)}"


def figures(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the board's figures at the top, each with the question that opens its list."""
    asked = {"late_law": "late=law", "late_plan": "late=plan"}
    return [
        {"name": name, "count": len(board[name]), "href": asked.get(name, f"list={name}")}
        for name in LISTS
    ]


def late(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the figures of the ponds that are late, one for each obligation (L21)."""
    return [one for one in figures(board) if one["name"].startswith("late_")]


def groups(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the board's three tables: rows with a label's room, a count and a question."""
    kinds = (("by_state", "state"), ("by_lateness", "late"), ("by_who", "who"))
    return [
        {
            "name": group,
            "room": asked,
            "rows": [
                {**row, "href": f"{asked}={row['name']}"}
                for row in board[group]
                if row["count"] or row["name"] in BANDS
            ],
        }
        for group, asked in kinds
    ]


def question(code: str, lang: str) -> str:
    """Return the sentence of what a person must judge, from ``kind:day``."""
    kind, _, day = code.partition(":")
    return say(f"web.question.{kind}", lang, on=day)


def pond(found: dict[str, Any], lang: str) -> dict[str, Any]:
    """Return a pond as its page shows it: sentences, profiles drawn, events that may come next."""
    evidence = (found["computed"] or {}).get("evidence", {})
    captured = [m for m in evidence.get("met", ()) if m["captured"]]
    names = {m["key"]: m["name"] for m in evidence.get("met", ())}
    words = {name: say(f"web.profile.{name}", lang) for name in ("along", "height", "limit")} | {
        "beside": say("web.profile.beside", lang, metres="{metres}")
    }
    drawn = [
        {
            "dam": one["dam"],
            "svg": draw_profile(
                one, names, words | {"title": say("web.profile.title", lang, dam=one["dam"])}
            ),
        }
        for one in evidence.get("profiles", ())
        if len(one["points"]) > 1
    ]
    return {
        **found,
        "mark": mark(found),
        "shade": shade(found),
        "requirements": [
            {**one, "missing_words": _fields(one["missing"], lang)} for one in found["requirements"]
        ],
        "asked": [question(code, lang) for code in found["questions"]],
        "trouble": [Problem(t["code"], **t["params"]).say(lang) for t in found["trouble"]],
        "evidence": evidence,
        "profiles": drawn,
        "captured": captured,
        "people_unknown": sum(m["people"] is None for m in captured),
        "passed_by": [m for m in evidence.get("met", ()) if not m["captured"] and m["circle"]],
        "documents": _documents(found),
        "drawn": _drawn(found, evidence),
    }


def _fields(names: Iterable[str], lang: str) -> str:
    """Return the names a survey's columns have, as one reads them."""
    fields = layer("pond").fields
    labels_ = [getattr(fields[name].label, lang) for name in names]
    return ("、" if lang == "zh" else ", ").join(labels_)


def _documents(found: dict[str, Any]) -> list[dict[str, Any]]:
    events = [
        {"on": e["on_date"], "document": e["document"], "of": e["kind"], "room": "event"}
        for e in found["events"]
        if e["document"] and e["kind"] in life_rules()["moves"]
    ]
    said = [
        {"on": s["on"], "document": s["document"], "of": s["source"], "room": "source"}
        for s in found["head_top"]["said"]
        if s["document"]
    ]
    return sorted([*events, *said], key=lambda d: str(d["on"]), reverse=True)


def _drawn(found: dict[str, Any], evidence: dict[str, Any]) -> dict[str, Any]:
    """Return the GeoJSON the pond's own map draws, each feature with its part."""
    features = [_feature("pond", found["geometry"], found["name"])]
    features += [_feature("toe", d["geometry"], d["code"] or "") for d in found["dams"]]
    if found["computed"] and found["computed"]["path"]:
        features.append(_feature("path", found["computed"]["path"], ""))
    if found["strip"]:
        features.append(_feature("strip", found["strip"]["geometry"], ""))
    features += [
        _feature("met" if m["captured"] else "passed", m["geometry"], m["name"])
        for m in evidence.get("met", ())
    ]
    return {"type": "FeatureCollection", "features": features}


def _feature(part: str, geometry: Any, name: str) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"part": part, "name": name}, "geometry": geometry}


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise Problem("web.error.number", value=text) from error
    if not 0 < value < 1e12:
        raise Problem("web.error.number", value=text)
    return value


def place(text: str) -> list[list[tuple[float, float]]]:
    """Return the parts of ``lon,lat;lon,lat|lon,lat``, none for an empty text.

    Raises
    ------
    Problem
        If it is no list of places in China.
    """
    return [_points(part) for part in text.split("|") if part.strip()]


def _points(text: str) -> list[tuple[float, float]]:
    points = []
    for pair in text.split(";"):
        try:
            lon, lat = (float(part) for part in pair.split(","))
        except ValueError as error:
            raise Problem("web.error.place", value=text[:80]) from error
        if not (73 <= lon <= 136 and 3 <= lat <= 54):
            raise Problem("web.error.place", value=text[:80])
        points.append((lon, lat))
    return points


def toe(text: str) -> Any:
    """Return a toe of lines and points, None for an empty text.

    Raises
    ------
    Problem
        If it is no list of places in China.
    """
    parts = [
        shapely.Point(part[0]) if len(part) == 1 else shapely.LineString(part)
        for part in place(text)
    ]
    return shapely.union_all(parts) if parts else None


def ground(text: str) -> Any:
    """Return the areas that rings enclose, a ring within another being a hole; None for no text.

    Raises
    ------
    Problem
        If it is no list of places in China, or a ring has fewer than three.
    """
    found = None
    for part in place(text):
        if len(part) < 3:
            raise Problem("web.error.ground", value=text[:80])
        ring = shapely.make_valid(shapely.Polygon(part))
        found = ring if found is None else shapely.symmetric_difference(found, ring)
    return found


def proposal(shape: Any, body: Any, asked: dict[str, str]) -> Proposal:
    """Return what is to be built, from a form; what is empty is not stated."""
    yes = {"yes": True, "no": False}
    volume = _number(asked["volume"])
    return Proposal(
        asked["action"] if asked["action"] in ACTIONS else "new",
        shape,
        body,
        _number(asked["height"]),
        # The form asks for 万m³, as every design does.
        None if volume is None else volume * 1e4,
        yes.get(asked["one_step"]),
        tuple(
            code.strip() for code in asked["replaces"].replace("，", ",").split(",") if code.strip()
        ),
        yes.get(asked["safety"]),
    )
