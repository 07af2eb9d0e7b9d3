"""What a .prj says: a code beyond doubt, else the Chinese zone its figures spell out.

A .prj is parsed as WKT only, never by PROJ's free-form reader (which follows addresses). MapGIS
and old ArcGIS write no code and names of their own, which PROJ cannot identify; but ellipsoid,
meridian, scale and false easting are exact figures, and those of a Gauss–Krüger zone are like no
other's. All must agree; a system that differs in one of them is asked, never guessed.
"""

import re
from dataclasses import dataclass

from pyproj import CRS
from pyproj.exceptions import CRSError

from geo.survey.reading.frames import frames

# EPSG's codes of a transverse Mercator's parameters (Guidance Note 7-2).
_LAT, _MERIDIAN, _SCALE, _EAST, _NORTH = "8801", "8802", "8805", "8806", "8807"
_TRANSVERSE_MERCATOR = "9807"


@dataclass(frozen=True)
class Declared:
    """What a .prj declares.

    `epsg` is None where it must be asked; `name` is the name it bears. `by` is ``code``,
    ``figures`` or, with the datum assumed, ``ellipsoid``.
    """

    epsg: int | None
    name: str
    by: str = "code"


def from_wkt(wkt: str) -> tuple[int | None, str]:
    """Return the EPSG code a WKT names beyond doubt, or None, and the name it bears.

    Raises
    ------
    ValueError
        If the text is no WKT.
    """
    crs = _parsed(wkt)
    authority = crs.to_authority(auth_name="EPSG", min_confidence=100)
    return (int(authority[1]) if authority else None), str(crs.name)


def _parsed(wkt: str) -> CRS:
    try:
        return CRS.from_wkt(wkt)
    except CRSError as error:
        raise ValueError("no WKT") from error


def declared(wkt: str) -> Declared:
    """Return what a WKT declares.

    Raises
    ------
    ValueError
        If the text is no WKT.
    """
    epsg, name = from_wkt(wkt)
    if epsg is not None:
        return Declared(epsg, name)
    crs = _parsed(wkt)
    found = _datum(crs)
    at = _zone(crs) if found is not None else None
    if found is None or at is None:
        return Declared(None, name)
    datum, named = found
    kind, number = at
    return Declared(
        frames()["datums"][datum][kind] + number, name, "figures" if named else "ellipsoid"
    )


def _datum(crs: CRS) -> tuple[str, bool] | None:
    """Return the datum by the ellipsoid's figures, and whether its names say the same.

    None where no datum has that ellipsoid, or the names say another datum than the figures.
    """
    body = crs.ellipsoid
    if body is None or crs.prime_meridian is None or crs.prime_meridian.longitude != 0:
        return None
    fits = [
        name
        for name, one in frames()["datums"].items()
        if abs(body.semi_major_metre - one["ellipsoid"][0]) < 0.01
        and abs(body.inverse_flattening - one["ellipsoid"][1]) < 1e-6
    ]
    if not fits:
        return None
    geographic = crs.geodetic_crs
    spoken = " ".join(
        (crs.name, geographic.name if geographic else "", crs.datum.name if crs.datum else "")
    )
    plain = re.sub(r"[\s_\-'’]+", "", spoken).casefold()
    said = {
        name
        for name, one in frames()["datums"].items()
        if any(word in plain for word in one["called"])
    }
    if said - set(fits):
        return None
    return fits[0], bool(said)


def _zone(crs: CRS) -> tuple[str, int] | None:
    """Return the kind of system and the number in its list that the figures of a zone spell."""
    if crs.is_geographic:
        return "geographic", 0
    operation = crs.coordinate_operation
    metres = all(abs(axis.unit_conversion_factor - 1) < 1e-9 for axis in crs.axis_info[:2])
    if operation is None or operation.method_code != _TRANSVERSE_MERCATOR or not metres:
        return None
    given = {str(one.code): float(one.value) for one in operation.params}
    if not (given.get(_LAT, 0) == 0 and given.get(_NORTH, 0) == 0 and given.get(_SCALE, 1) == 1):
        return None
    meridian, east = given.get(_MERIDIAN, -1.0), given.get(_EAST, -1.0)
    prefix, rest = divmod(east, 1e6)
    table = frames()
    if rest != 500_000 or meridian != round(meridian):
        return None
    if prefix == 0:
        cm3 = table["cm3"]
        number, over = divmod(meridian - cm3["first"], cm3["step"])
        inside = cm3["first"] <= meridian <= cm3["last"]
        return ("cm3", int(number)) if over == 0 and inside else None
    for kind in ("gk6", "gk3"):
        zones = table["zones"][kind]
        width = zones["width_deg"]
        centre = prefix * width - (width / 2 if kind == "gk6" else 0)
        if zones["first"] <= prefix <= zones["last"] and meridian == centre:
            return kind, int(prefix) - zones["first"]
    return None


def as_wkt(stated: str | None) -> str | None:
    """Return what GDAL says of a GeoPackage's or GeoJSON's system as WKT, None where it is unset.

    GDAL shortens a system with an authority to ``EPSG:4490`` or ``OGC:CRS84``.
    """
    if not stated:
        return None
    if match := re.fullmatch(r"EPSG:(\d{4,6})", stated):
        try:
            return str(CRS.from_epsg(int(match[1])).to_wkt())
        except CRSError:
            return None
    if stated == "OGC:CRS84":
        return str(CRS.from_epsg(4326).to_wkt())
    # A GeoPackage writes "Undefined Cartesian SRS" where nothing was set.
    return None if '"undefined' in stated[:60].casefold() else stated
