"""The offline map: one HTML file by folium that opens with no internet, Leaflet and data inside."""

import base64
import html
import json
import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import folium
from sqlalchemy import Connection, text

from geo.hazards import colour_label, grade_name, hazards
from geo.messages import say
from geo.problems import Problem
from geo.settings import CHECKOUT
from geo.store import mine_queries, pond_queries, pond_zones
from geo.tailings.words import labels

LEAFLET = CHECKOUT / "web" / "static" / "vendor" / "leaflet"
_STROKE = {
    "blue": "#1f5f99",
    "yellow": "#8a6d00",
    "orange": "#b35900",
    "red": "#a3201d",
    "none": "#555555",
}
_FILL = {
    "blue": "#6fa8dc",
    "yellow": "#f1d13a",
    "orange": "#f0953a",
    "red": "#d9403b",
    "none": "#bbbbbb",
}


class _Zone(NamedTuple):
    """How a kind of zone is drawn: the dashes of its edge tell it without its colour."""

    colour: str
    dashes: str | None
    opacity: float
    weight: float


_ZONES = {
    "no_build": _Zone("#8c1d40", "8 4", 0.18, 1.5),
    "prohibited": _Zone("#8c1d40", None, 0.18, 2.5),
    "bank": _Zone("#8c1d40", "12 3 2 3", 0.06, 1.5),
    "undecided": _Zone("#6b5f1d", "1 5", 0.12, 2),
    "strip": _Zone("#24525c", "2 4", 0.18, 1.5),
}
_REMOTE = re.compile(r'<(?:script|link)[^>]+(?:src|href)="(?:https?:)?//[^"]+"[^>]*>(?:</script>)?')

# Where labels would lie on each other, the later one gives way until one zooms in.
_GIVE_WAY = """
const place = () => {
  const kept = [];
  for (const label of document.querySelectorAll('.minerisk-label')) {
    label.style.visibility = '';
    const box = label.getBoundingClientRect();
    const meets = (other) => box.left < other.right && other.left < box.right
      && box.top < other.bottom && other.top < box.bottom;
    if (kept.some(meets)) label.style.visibility = 'hidden'; else kept.push(box);
  }
};
// Labels glide to their places for a quarter of a second.
const later = () => setTimeout(place, 300);
chart.on('zoomend', later);
later();
"""


def _licences(conn: Connection) -> dict[str, Any]:
    found = conn.execute(
        text(
            "SELECT DISTINCT ON (mine_code) mine_code, ST_AsGeoJSON(geom, 6) AS shape "
            "FROM minerisk.feature WHERE layer = 'mine_boundary' "
            "ORDER BY mine_code, lower(valid) DESC NULLS LAST, key"
        )
    )
    return {row.mine_code: json.loads(row.shape) for row in found}


def _popup(mine: dict[str, Any], lang: str) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(hazards()[line['hazard']].label[lang])}</th>"
        + "".join(
            f"<td>{html.escape(grade_name(line['hazard'], line[part], lang))}</td>"
            for part in ("determined", "proposed", "decided", "effective")
        )
        + "</tr>"
        for line in mine["lines"]
    )
    heads = "".join(
        f"<th>{say(f'report.column.{part}', lang)}</th>"
        for part in ("hazard", "determined", "proposed", "decided", "effective")
    )
    name = html.escape(f"{mine['name']} {mine['code']}")
    return f"<b>{name}</b><table border=1 cellspacing=0><tr>{heads}</tr>{rows}</table>"


def write_map(conn: Connection, path: Path, on: date, lang: str) -> int:
    """Write the map of every mine, pond and zone the connection may see; returns how many mines.

    Raises
    ------
    Problem
        If the web parts are not installed: Leaflet is put into the file from there.
    """
    if not (LEAFLET / "leaflet.js").exists():
        raise Problem("report.no_leaflet")
    mines = mine_queries.mines(conn, on)
    shapes = _licences(conn)
    chart = folium.Map(tiles=None, location=[38.85, 112.7], zoom_start=10, zoom_snap=0.25)
    for mine in mines:
        if mine["code"] not in shapes:
            continue
        shade = mine["colour"] or "none"
        label = colour_label(shade, lang)
        unclear = f" · {say('report.unclear', lang)}" if mine["unclear"] else ""
        feature = {
            "type": "Feature",
            "properties": {"why": _popup(mine, lang)},
            "geometry": shapes[mine["code"]],
        }
        folium.GeoJson(
            feature,
            style_function=lambda _, shade=shade, dashed=mine["unclear"]: {
                "color": _STROKE[shade],
                "fillColor": _FILL[shade],
                "fillOpacity": 0.55,
                "weight": 2.5,
                "dashArray": "6 5" if dashed else None,
            },
            tooltip=folium.Tooltip(
                f"<b>{html.escape(mine['name'])}</b><br>{html.escape(label + unclear)}",
                permanent=True,
                direction="bottom",
                class_name="minerisk-label",
            ),
            popup=folium.GeoJsonPopup(fields=["why"], labels=False, max_width=620),
        ).add_to(chart)
    listed = pond_queries.ponds(conn, on)
    _ponds(conn, chart, listed, lang)
    boxes = [m["bounds"] for m in (*mines, *listed) if m["bounds"]]
    if boxes:
        west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
        east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
        # Room for the legend, which stands below on a narrow screen as on a wide one.
        chart.fit_bounds(
            [[south, west], [north, east]],
            padding_top_left=(40, 20),
            padding_bottom_right=(40, 170),
        )
    page = _inlined(chart.get_root().render(), chart.get_name(), on, lang)
    path.write_text(page, "utf-8")
    return len(mines)


def _ponds(conn: Connection, chart: Any, listed: list[dict[str, Any]], lang: str) -> None:
    """Draw zones, then ponds over them: a diamond where head-top, a disc where not."""
    for one in pond_zones.zones(conn):
        shade = _ZONES[one["kind"]]
        folium.GeoJson(
            one["geometry"],
            style_function=lambda _, shade=shade: {
                "color": shade.colour,
                "fillOpacity": shade.opacity,
                "weight": shade.weight,
                "dashArray": shade.dashes,
            },
            tooltip=html.escape(
                " ".join(filter(None, (say(f"report.zone.{one['kind']}", lang), one["name"])))
            ),
        ).add_to(chart)
    words = labels()
    for pond in listed:
        state = words["state"][pond["state"]][lang]
        top = say(f"report.head_top.{pond['head_top']['outcome']}", lang)
        duties = "".join(
            f"<tr><td>{html.escape(words['obligation'][d['code']][lang])}</td><td>{d['due']}</td>"
            f"<td>{d['days_late']}</td></tr>"
            for d in pond["obligations"]
        )
        table = f"<table border=1 cellspacing=0>{duties}</table>" if duties else ""
        name = html.escape(f"{pond['name']} {pond['code']}")
        lead = say("report.column.head_top", lang)
        colour = "#9aa4a6" if not pond["counted"] else "#8c1d40" if duties else "#2f6f5e"
        sign = "◆" if pond["head_top"]["counts"] else "◇"
        feature = {
            "type": "Feature",
            "properties": {"why": f"<b>{name}</b><br>{state} · {lead}: {top}{table}"},
            "geometry": {"type": "Point", "coordinates": pond["point"]},
        }
        icon = folium.DivIcon(
            html=f'<span style="color:{colour}">{sign}</span>',
            class_name="minerisk-pond",
            icon_size=(22, 22),
        )
        # As a feature, not as a marker with a popup of its own: that one needs jQuery.
        folium.GeoJson(
            {"type": "FeatureCollection", "features": [feature]},
            marker=folium.Marker(icon=icon),
            tooltip=f"<b>{html.escape(pond['name'])}</b><br>{html.escape(state)} · {lead}: {top}",
            popup=folium.GeoJsonPopup(fields=["why"], labels=False, max_width=420),
        ).add_to(chart)


def _data(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _inlined(page: str, name: str, on: date, lang: str) -> str:
    """Put Leaflet and its style into the page in place of every remote script and sheet.

    Parameters
    ----------
    page : str
        The page as folium writes it.
    name : str
        The variable of its map.
    on, lang
        Day and language of the legend.
    """
    script = (LEAFLET / "leaflet.js").read_text("utf-8").replace("</script>", "<\\/script>")
    style = (LEAFLET / "leaflet.css").read_text("utf-8")
    style = re.sub(
        r"url\((images/[^)]+)\)",
        lambda m: f"url({_data(LEAFLET / Path(m[1]).name)})",
        style,
    )
    legend = "".join(
        f'<li><i style="background:{_FILL[c]};border:2px solid {_STROKE[c]}"></i>'
        f"{colour_label(c, lang)}</li>"
        for c in ("red", "orange", "yellow", "blue", "none")
    )
    title = html.escape(say("report.map_title", lang, on=on))
    note = html.escape(say("report.convention", lang))
    dashed = html.escape(say("report.dashed", lang))
    ponds = f"<li>{html.escape(say('report.pond_mark', lang))}</li>" + "".join(
        f'<li><svg width="26" height="12" aria-hidden="true"><rect x="1" y="1" width="24" '
        f'height="10" fill="{shade.colour}" fill-opacity="{shade.opacity}" '
        f'stroke="{shade.colour}" stroke-width="{shade.weight}" '
        f'stroke-dasharray="{shade.dashes or "none"}"/></svg> '
        f"{html.escape(say(f'report.zone.{kind}', lang))}</li>"
        for kind, shade in _ZONES.items()
    )
    box = (
        f'<div class="minerisk-legend"><b>{title}</b><ul>{legend}'
        f"<li>- - - {dashed}</li>{ponds}</ul>"
        f"<small>{note}</small></div>"
        "<style>.minerisk-legend{position:fixed;z-index:900;left:12px;bottom:12px;background:#fff;"
        "padding:10px 14px;border:1px solid #666;font:14px sans-serif;max-width:280px}"
        ".minerisk-legend ul{list-style:none;margin:6px 0;padding:0}"
        ".minerisk-legend i{display:inline-block;width:18px;height:12px;margin-right:8px}"
        ".minerisk-pond{font:20px/22px sans-serif;text-align:center;text-shadow:0 0 3px #fff,"
        "0 0 3px #fff}"
        ".leaflet-container{background:#f4f2ec}.minerisk-label{background:rgba(255,255,255,.82);"
        "border:0;box-shadow:none;padding:1px 4px;text-align:center;line-height:1.25}"
        ".minerisk-label:before{display:none}</style>"
        f"<script>window.addEventListener('load',()=>{{const chart={name};{_GIVE_WAY}}})</script>"
    )
    page = _REMOTE.sub("", page)
    page = page.replace("</head>", f"<style>{style}</style><script>{script}</script></head>", 1)
    return page.replace("</body>", f"{box}</body>", 1)
