"""The risk map: its page, what it paints, what it finds, why, and the sheet it prints."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from geo import clock
from geo.hazards import hazards
from geo.messages import say
from geo.report import map_sheet
from geo.settings import settings
from geo.store import (
    batches,
    map_reads,
    mine_evidence,
    mine_queries,
    mines_kept,
    pond_queries,
    relief_tiles,
)
from geo.store.tiles import FACTORS, data_version
from geo.survey.counties import county_name
from web import base_maps, places, pond_view, view
from web.door import AppConn, PageRoute, Reader, missing
from web.render import crs_name, draw, lang_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_FOUND = 12
# How far the slider reaches from today, in days: the law's five years either way.
SLIDER_DAYS = 5 * 365
PDF = "application/pdf"


class Asked:
    """What the map is asked to show: line, hazard, day and what was known, and which mines."""

    def __init__(
        self,
        line: str = "effective",
        hazard: str = "",
        as_of: str = "",
        known: str = "",
        district: str = "",
        kind: str = "",
        source: str = "",
    ) -> None:
        self.line, self.hazard = view.line(line), view.hazard(hazard)
        self.day = view.day(as_of)
        # "Now": what we know today about that day; else what was known then.
        self.known = None if known == "now" else view.known(as_of)
        self.district, self.kind, self.source = district, kind, source

    @property
    def narrowed(self) -> bool:
        """Tell whether any filter is set."""
        return bool(self.district or self.kind or self.source)

    def ponds(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the ponds that pass: a pond has a district, and none of a mine's kinds."""
        return [one for one in found if (one["district"] or "").startswith(self.district)]

    def wanted(self, row: dict[str, Any]) -> bool:
        """Tell whether a mine passes the filters."""
        by = [who for hazard, who in row["sources"].items() if self.hazard in ("", hazard)]
        return (
            row["district"].startswith(self.district)
            and self.kind in ("", row["kind"])
            and (not self.source or any(self.source in who for who in by))
        )


Question = Annotated[Asked, Depends()]


@router.get("/map")
def risk_map(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw the map; its state is read from the address by its script."""
    lang = lang_of(request)
    districts = map_reads.districts(conn)
    today = clock.today()
    return draw(
        request,
        "map.html",
        reader=reader,
        hazards=list(hazards()),
        factors=FACTORS,
        districts=[(code, county_name(code, lang)) for code in districts],
        kinds=view.KINDS,
        sources=view.SOURCES,
        today=today.isoformat(),
        slider_days=SLIDER_DAYS,
        papers=map_sheet.PAPERS,
        scales=map_sheet.SCALES,
        version=data_version(conn),
        bounds=view.around(place["bounds"] for place in mine_queries.places(conn).values()),
        ground=base_maps.ground(settings(), lang),
        online=base_maps.online(settings()),
        may_draw=reader.role != "administrator",
    )


@router.get("/map/state.json")
def map_state(request: Request, reader: Reader, conn: AppConn, asked: Question) -> Response:
    """Return each mine's colour, label and place for one line, hazard and date."""
    rows = mines_kept.mines(conn, asked.day, asked.known)
    shown = [row for row in rows if asked.wanted(row)]
    lang = lang_of(request)
    state = view.map_state(shown, asked.line, asked.hazard, lang)
    ponds = asked.ponds(pond_queries.ponds(conn, asked.day, asked.known))
    state["ponds"] = pond_view.marks(ponds, lang)
    # Whose ground is drawn: a filter takes away the ground of a mine with its colour.
    state["only"] = [row["code"] for row in shown] if asked.narrowed else None
    state["only_ponds"] = [one["code"] for one in ponds] if asked.district else None
    if not rows:
        # A survey unit reads the boundaries it works in, but no grades.
        state["bounds"] = view.around(
            place["bounds"] for place in mine_queries.places(conn).values()
        )
    return JSONResponse(
        state
        | {
            "on": asked.day.isoformat(),
            "of": len(rows),
            "version": data_version(conn),
            "grades": bool(rows),
        },
        headers={"Cache-Control": "no-store"},
    )


@router.get("/map/find.json")
def find(
    request: Request,
    reader: Reader,
    conn: AppConn,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Return mines, factors, workings and typed places that a text may mean."""
    lang, wanted = lang_of(request), q.strip()
    found: list[dict[str, Any]] = []
    if wanted:
        every = view.around(place["bounds"] for place in mine_queries.places(conn).values())
        for place in places.typed(wanted, every):
            at = [round(place["lon"], 7), round(place["lat"], 7)]
            text = say("web.map.place", lang, lon=f"{at[0]:.5f}", lat=f"{at[1]:.5f}")
            found.append(
                {"what": "place", "text": text, "note": crs_name(place["epsg"], lang), "at": at}
            )
        for row in map_reads.find(conn, wanted, _FOUND):
            layer = say(f"layer.{row['layer']}", lang)
            is_mine = row["layer"] == "mine_boundary"
            is_pond = row["layer"] == "pond"
            found.append(
                {
                    "what": "mine" if is_mine else "pond" if is_pond else "feature",
                    "text": row["name"] if is_mine else f"{layer} {row['name']}",
                    "note": row["mine_code"] or (row["code"] if is_pond else ""),
                    "mine": row["mine_code"],
                    "pond": row["code"] if is_pond else None,
                    "bounds": row["bounds"],
                }
            )
    return JSONResponse({"found": found}, headers={"Cache-Control": "no-store"})


@router.get("/map/mines/{code}")
def map_why(
    request: Request, reader: Reader, conn: AppConn, code: str, asked: Question
) -> Response:
    """Draw why a mine has its grade, for the panel beside the map.

    A survey unit sees where a mine lies and not how it is graded, and is told so.
    """
    found = mine_evidence.mine(conn, code, asked.day, asked.known)
    if found is None:
        named = mine_queries.named(conn, code)
        if named is None:
            raise missing()
        return draw(request, "parts/no_grades.html", reader=reader, mine=named)
    shown = view.mine(found, lang_of(request))
    groups = [g for g in shown["why"] if not asked.hazard or g["hazard"] == asked.hazard]
    return draw(
        request, "parts/why.html", reader=reader, mine=shown, line=asked.line, groups=groups
    )


def _places(text: str) -> list[tuple[float, float]]:
    """Return places of an address, ``lon,lat;lon,lat``; what is none is left out, as on the map."""
    found = []
    for part in text.split(";"):
        try:
            lon, lat = (float(number) for number in part.split(","))
        except ValueError:
            continue
        if 70 <= lon <= 140 and 0 <= lat <= 60:
            found.append((lon, lat))
    return found


@router.get("/map/print.pdf")
def print_map(
    request: Request,
    reader: Reader,
    conn: AppConn,
    asked: Question,
    lon: Annotated[float, Query(ge=70, le=140)],
    lat: Annotated[float, Query(ge=0, le=60)],
    scale: Annotated[int, Query(ge=100, le=5_000_000)],
    paper: str = "A4",
    turned: str = "landscape",
    layers: str = "mines,unclear,plan,factors",
    kinds: str | None = None,
    title: Annotated[str, Query(max_length=80)] = "",
    pin: Annotated[str, Query(max_length=40)] = "",
    measure: Annotated[str, Query(max_length=4000)] = "",
    base: str = "",
) -> Response:
    """Return any view of the map as a sheet of paper at true scale."""
    lang = lang_of(request)
    sheet = map_sheet.Sheet(
        lon=lon,
        lat=lat,
        scale=scale,
        paper=paper if paper in map_sheet.PAPERS else "A4",
        landscape=turned != "portrait",
    )
    rows = [row for row in mines_kept.mines(conn, asked.day, asked.known) if asked.wanted(row)]
    state = view.map_state(rows, asked.line, asked.hazard, lang)
    wanted = [name for name in layers.split(",") if name]
    drawn = map_reads.shapes(
        conn,
        sheet.bounds,
        [name for name in wanted if name != "mines"],
        # None ticked is none drawn; only where nothing is said are all.
        [kind for kind in FACTORS if kinds is None or kind in kinds.split(",")],
        batches.seq_at(conn, asked.known),
        asked.day,
    )
    if asked.narrowed:
        # What belongs to a mine that is filtered out goes with it; its boundary says where it lies.
        codes = {row["code"] for row in rows}
        drawn = [
            row
            for row in drawn
            if row["layer"] == "mine_boundary" or row["mine_code"] in codes | {None}
        ]
    ponds = pond_queries.ponds(conn, asked.day, asked.known) if "ponds" in wanted else []
    ponds = asked.ponds(ponds)
    what = say("web.map.all_hazards", lang)
    if asked.hazard:
        what = hazards()[asked.hazard].label[lang]
    line = say(f"web.line.{asked.line}", lang)
    body = map_sheet.pdf(
        sheet,
        drawn,
        state["mines"] if "mines" in wanted else [],
        lang,
        title=title.strip() or say("web.map.printed", lang),
        what=" · ".join([what, line, asked.day.isoformat()]),
        version=data_version(conn),
        by=reader.actor.login,
        on=clock.today(),
        marks=map_sheet.Marks(
            pond_view.marks(ponds, lang), next(iter(_places(pin)), None), _places(measure)
        ),
        # A map from outside is never printed: the sheet needs no network.
        ground=relief_tiles.under(settings(), sheet, lang) if base == "ground" else None,
    )
    headers = {"Content-Disposition": 'inline; filename="map.pdf"', "Cache-Control": "no-store"}
    return Response(body, media_type=PDF, headers=headers)
