"""Which coordinate system a stranger's file is in: said by its .prj, or proposed from its numbers.

A .prj is parsed as WKT only, never by PROJ's free-form reader (which follows addresses), and
counts only where it is identified in full: at lower confidence PROJ takes an unnamed transverse
Mercator for Cyprus. Where the file says nothing, its coordinates make a *proposal*, with the other
candidates beside it; the datum is then assumed and said to be assumed.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from geo.crs import GEOGRAPHIC, transformer
from geo.survey.reading.datums import Local, SevenParameters
from geo.survey.reading.frames import (
    SPANS,
    datum_of,
    error_of,
    family,
    frames,
    name_of,
    other_datums,
)
from geo.survey.reading.prj import as_wkt, declared, from_wkt

Said = dict[str, Any]
ASSUMED = "cgcs2000"


@dataclass(frozen=True)
class CrsProposal:
    """What the coordinates of a layer are taken to be.

    `epsg` is None where it must be asked. `reason` is a message code with its values. `candidates`
    are the other systems that fit, each ``{"epsg", "name"}``. `error_m` is what the datum adds to
    every position. `swapped`: the file writes y before x (as licences do), and is turned. `shift`:
    the local seven parameters it is moved with; `elsewhere`: the county has some, but the layer
    lies outside the area they are good for. `offset_x` is added to every easting: the prefix of
    another zone than is meant.
    """

    epsg: int | None
    reason: Said
    assumed_datum: bool = False
    candidates: tuple[dict[str, Any], ...] = field(default=())
    error_m: float = 0.0
    swapped: bool = False
    shift: SevenParameters | None = None
    elsewhere: bool = False
    offset_x: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the proposal as JSON-able values."""
        return {
            **asdict(self),
            "candidates": [dict(one) for one in self.candidates],
            "shift": self.shift and self.shift.model_dump(mode="json", exclude={"points"}),
        }


def said(code: str, **params: Any) -> Said:
    """Return a message code with its values, as the row report and the pages take it."""
    return {"code": code, "params": params}


def _candidate(epsg: int) -> dict[str, Any]:
    return {"epsg": epsg, "name": name_of(epsg)}


def _in_china(lon: float, lat: float) -> bool:
    (west, east), (south, north) = frames()["china"]["lon"], frames()["china"]["lat"]
    return bool(west <= lon <= east and south <= lat <= north)


def lands_in_china(x: float, y: float, epsg: int) -> bool:
    """Tell whether a point of a system falls within China's box."""
    lon, lat = transformer(epsg, GEOGRAPHIC).transform(x, y)
    return math.isfinite(lon) and math.isfinite(lat) and _in_china(lon, lat)


def _kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    # Good enough to tell zones 260 km apart: a degree of latitude is 111 km.
    east = (a[0] - b[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return 111.0 * math.hypot(east, a[1] - b[1])


def _offsets(x: float, y: float, hint: tuple[float, float] | None) -> Iterator[tuple[str, int]]:
    """Yield (kind of system, number in its list) that an easting and a northing may be of."""
    table = frames()
    low, high = table["northing_m"]
    if not low <= y <= high:
        return
    for kind in ("gk6", "gk3"):
        zones = table["zones"][kind]
        zone = math.floor(x / 1e6)
        if (
            zones["first"] <= zone <= zones["last"]
            and abs(x - zone * 1e6 - 5e5) <= table["half_width_m"][kind]
        ):
            yield kind, zone - zones["first"]
    if abs(x - 5e5) <= table["half_width_m"]["gk6"]:
        cm3 = table["cm3"]
        found = []
        for number, meridian in enumerate(range(cm3["first"], cm3["last"] + 1, cm3["step"])):
            epsg = table["datums"][ASSUMED]["cm3"] + number
            place = transformer(epsg, GEOGRAPHIC).transform(x, y)
            if hint is None:
                found.append((abs(place[0] - meridian), number))
            elif _kilometres(place, hint) <= table["hint_km"]:
                found.append((_kilometres(place, hint), number))
        # Without a place to go by, every meridian fits as well as the next.
        for _, number in sorted(found) if hint else found:
            yield "cm3", number


def from_points(xy: NDArray[np.float64], hint: tuple[float, float] | None = None) -> CrsProposal:
    """Return the proposal that the coordinates themselves make.

    Parameters
    ----------
    xy : (n, 2) array
        A sample of the file's coordinates, in its own order and units.
    hint : (lon, lat), optional
        Where the mine or the county lies; needed for eastings with no zone prefix.

    Returns
    -------
    CrsProposal
        With `epsg` None where nothing fits or too much does.
    """
    finite = xy[np.isfinite(xy).all(axis=1)]
    if not len(finite):
        return CrsProposal(None, said("reader.crs.no_coordinates"))
    # The median: one row that strayed must not decide for all others.
    x, y = (float(v) for v in np.median(finite, axis=0))
    straight = _propose(x, y, hint)
    if straight.epsg is not None or straight.candidates:
        return straight
    turned = _propose(y, x, hint)
    if turned.epsg is not None:
        name = name_of(turned.epsg)
        return replace(turned, swapped=True, reason=said("reader.crs.swapped", name=name))
    if turned.candidates:
        return replace(turned, swapped=True)
    return CrsProposal(None, said("reader.crs.nothing_fits", x=round(x, 3), y=round(y, 3)))


def _propose(x: float, y: float, hint: tuple[float, float] | None) -> CrsProposal:
    datums = frames()["datums"]
    if _in_china(x, y):
        others = [one["geographic"] for name, one in datums.items() if name != ASSUMED]
        return CrsProposal(
            datums[ASSUMED]["geographic"],
            said("reader.crs.degrees"),
            assumed_datum=True,
            candidates=tuple(_candidate(epsg) for epsg in others),
        )
    fits = list(_offsets(x, y, hint))
    if not fits:
        return CrsProposal(None, said("reader.crs.nothing_fits", x=round(x, 3), y=round(y, 3)))
    codes = [one[kind] + number for kind, number in fits for one in datums.values()]
    first = codes[0]
    if fits[0][0] == "cm3" and hint is None:
        own = [datums[ASSUMED]["cm3"] + number for _, number in fits]
        return CrsProposal(
            None,
            said("reader.crs.which_meridian", x=round(x, 3)),
            candidates=tuple(_candidate(epsg) for epsg in own),
        )
    code = "reader.crs.unprefixed" if fits[0][0] == "cm3" else "reader.crs.prefixed"
    return CrsProposal(
        first,
        said(code, name=name_of(first), x=round(x, 3)),
        assumed_datum=True,
        candidates=tuple(_candidate(epsg) for epsg in codes[1:]),
    )


def decide(
    wkt: str | None,
    xy: NDArray[np.float64],
    *,
    chosen: int | None = None,
    hint: tuple[float, float] | None = None,
    local: Local | None = None,
) -> CrsProposal:
    """Return the coordinate system of a layer: the chosen one, the declared one, or a proposal.

    A declared system that puts the middle of the layer outside China is not believed where the
    coordinates themselves say another.

    Parameters
    ----------
    wkt : str or None
        What the file declares.
    xy : (n, 2) array
        A sample of its coordinates.
    chosen : int, optional
        EPSG code a person chose.
    hint : (lon, lat), optional
        Where the mine or the county lies.
    local : dict, optional
        The county's seven parameters by datum.

    Raises
    ------
    ValueError
        If `wkt` is no WKT, or PROJ has no system `chosen`.
    """
    return _with_shift(_decide(wkt, xy, chosen, hint), xy, local or {})


def _with_shift(found: CrsProposal, xy: NDArray[np.float64], local: Local) -> CrsProposal:
    """Return the proposal with the seven parameters of its datum, where they are good."""
    one = local.get(datum_of(found.epsg) or "") if found.epsg is not None else None
    middle = _middle(xy)
    if one is None or found.epsg is None or middle is None or found.error_m == 0:
        return found
    area = one.area
    x, y = middle[::-1] if found.swapped else middle
    lon, lat = transformer(found.epsg, GEOGRAPHIC).transform(x + found.offset_x, y)
    margin = frames()["parameters_margin_deg"]
    if area is not None and not (
        area[0] - margin <= lon <= area[2] + margin and area[1] - margin <= lat <= area[3] + margin
    ):
        return replace(found, elsewhere=True)
    return replace(found, shift=one, error_m=one.accuracy_m)


def _decide(
    wkt: str | None,
    xy: NDArray[np.float64],
    chosen: int | None,
    hint: tuple[float, float] | None,
) -> CrsProposal:
    middle = _middle(xy)
    if chosen is not None:
        return _as_given(chosen, said("reader.crs.chosen", name=_known(chosen)), middle)
    if not wkt:
        return _slipped(from_points(xy, hint), middle, hint)
    prj = declared(wkt)
    epsg = prj.epsg
    guess = from_points(xy, hint)
    if epsg is None:
        asked = (
            guess.candidates if guess.epsg is None else (_candidate(guess.epsg), *guess.candidates)
        )
        return CrsProposal(None, said("reader.crs.not_sure", name=prj.name), candidates=asked)
    reason = said("reader.crs.declared", name=name_of(epsg))
    if prj.by != "code":
        reason = said(f"reader.crs.by_{prj.by}", declared=prj.name, name=name_of(epsg))
    given = replace(_as_given(epsg, reason, middle), assumed_datum=prj.by == "ellipsoid")
    moved = _slipped(given, middle, hint)
    if moved is not given:
        return moved
    if middle is None or given.swapped or lands_in_china(*middle, epsg) or guess.epsg is None:
        return given
    return replace(
        guess,
        reason=said("reader.crs.contradicted", declared=prj.name, name=name_of(guess.epsg)),
    )


def _slipped(
    found: CrsProposal, middle: tuple[float, float] | None, hint: tuple[float, float] | None
) -> CrsProposal:
    """Return the proposal in the zone that puts the layer where it should lie, if its own does not.

    A file labelled with the neighbouring zone lands 260 km away, one whose eastings bear another
    zone's number 1,000 km or more. The label stays among the candidates.
    """
    own = family(found.epsg) if found.epsg is not None else None
    if found.epsg is None or own is None or middle is None or hint is None:
        return found
    x, y = middle[::-1] if found.swapped else middle
    away = _kilometres(transformer(found.epsg, GEOGRAPHIC).transform(x, y), hint)
    table = frames()["slip"]
    if away < table["far_km"]:
        return found
    near = []
    for epsg, offset in _neighbours(own, x):
        there = _kilometres(transformer(epsg, GEOGRAPHIC).transform(x + offset, y), hint)
        if there <= table["near_km"]:
            near.append((there, epsg, offset))
    if not near:
        return found
    _, epsg, offset = min(near)
    shown = round(away) if math.isfinite(away) else "—"
    return replace(
        found,
        epsg=epsg,
        offset_x=offset,
        reason=said(
            "reader.crs.other_zone", declared=name_of(found.epsg), name=name_of(epsg), km=shown
        ),
        candidates=(_candidate(found.epsg), *map(_candidate, other_datums(epsg))),
    )


def _neighbours(own: tuple[str, str, int], x: float) -> Iterator[tuple[int, float]]:
    """Yield the zones a label may have been meant for, and what to add to its eastings."""
    datum, kind, number = own
    first = frames()["datums"][datum][kind]
    for other in (number - 1, number + 1):
        if 0 <= other < SPANS[kind] and kind != "geographic":
            # With a prefix, the wrong number may stand in every easting, or in the label only.
            yield first + other, 1e6 * (other - number) if kind.startswith("gk") else 0.0
    if kind.startswith("gk"):
        prefix = math.floor(x / 1e6) - frames()["zones"][kind]["first"]
        if 0 <= prefix < SPANS[kind] and prefix != number:
            yield first + prefix, 0.0


def _known(epsg: int) -> str:
    try:
        return name_of(epsg)
    except CRSError as error:
        raise ValueError(f"no EPSG:{epsg}") from error


def _middle(xy: NDArray[np.float64]) -> tuple[float, float] | None:
    finite = xy[np.isfinite(xy).all(axis=1)]
    if not len(finite):
        return None
    x, y = np.median(finite, axis=0)
    return float(x), float(y)


def _as_given(epsg: int, reason: Said, middle: tuple[float, float] | None) -> CrsProposal:
    swapped = (
        middle is not None
        and not lands_in_china(*middle, epsg)
        and lands_in_china(middle[1], middle[0], epsg)
    )
    return CrsProposal(
        epsg,
        said("reader.crs.declared_swapped", name=name_of(epsg)) if swapped else reason,
        error_m=error_of(epsg),
        swapped=swapped,
        candidates=tuple(map(_candidate, other_datums(epsg))),
    )


__all__ = ["CrsProposal", "as_wkt", "decide", "error_of", "frames", "from_points", "from_wkt"]
