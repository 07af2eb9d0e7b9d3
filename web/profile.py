"""Long profile along a dam's flow path, drawn on the server as SVG: no script, prints as it stands.

Colours and line styles are classes of the style sheet, so that both themes and paper follow.
"""

from collections.abc import Iterable
from math import ceil, floor
from typing import Any

from markupsafe import Markup, escape

WIDE, HIGH = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 52, 40


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Return round values between two bounds, at most so many."""
    step = next(
        s * 10**e for e in range(-1, 5) for s in (1, 2, 5) if (high - low) / (s * 10**e) <= most
    )
    first = ceil(low / step)
    return [i * step for i in range(first, floor(high / step) + 1)]


def draw_profile(profile: dict[str, Any], names: dict[str, str], words: dict[str, str]) -> Markup:
    """Return one profile as SVG.

    Parameters
    ----------
    profile : dict
        dam, points (metres along the path, height) and objects (key, path_m, lateral_m, z), as
        :func:`geo.tailings.profile.profiles` gives them.
    names : dict
        Name of each object by key.
    words : dict
        title, along, height, beside (with {metres}), limit.
    """
    points = profile["points"]
    heights = [z for _, z in points] + [o["z"] for o in profile["objects"] if o["z"] is not None]
    low, high = min(heights), max(heights)
    pad = max((high - low) * 0.08, 2.0)
    low, high = low - pad, high + pad
    far = max(1000.0, points[-1][0])

    def x(metres: float) -> float:
        return round(_LEFT + metres / far * (WIDE - _LEFT - _RIGHT), 1)

    def y(z: float) -> float:
        return round(_TOP + (high - z) / (high - low) * (HIGH - _TOP - _BOTTOM), 1)

    base = HIGH - _BOTTOM
    parts = [
        f'<svg class="profile" viewBox="0 0 {WIDE} {HIGH}" role="img" '
        f'aria-label="{escape(words["title"])}"><title>{escape(words["title"])}</title>'
    ]
    for z in _ticks(low, high, 5):
        parts.append(
            f'<line class="rule" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{y(z)}" y2="{y(z)}"/>'
            f'<text x="{_LEFT - 8}" y="{y(z) + 4}" text-anchor="end">{z:g}</text>'
        )
    for metres in range(0, int(far) + 1, 200):
        parts.append(
            f'<line class="rule" x1="{x(metres)}" x2="{x(metres)}" y1="{base}" y2="{base + 5}"/>'
            f'<text x="{x(metres)}" y="{base + 18}" text-anchor="middle">{metres}</text>'
        )
    ground = " ".join(f"{x(s)},{y(z)}" for s, z in points)
    parts.append(
        f'<polygon class="ground" points="{x(0)},{base} {ground} {x(points[-1][0])},{base}"/>'
        f'<polyline class="surface" points="{ground}"/>'
        f'<line class="limit" x1="{x(1000)}" x2="{x(1000)}" y1="{_TOP - 28}" y2="{base}"/>'
        f'<text x="{x(1000)}" y="{_TOP - 34}" text-anchor="end">{escape(words["limit"])}</text>'
    )
    parts += _dam(x(0), y(points[0][1]), profile["dam"])
    parts += _objects(profile["objects"], names, words, x, y)
    parts.append(
        f'<text x="{(_LEFT + WIDE - _RIGHT) / 2}" y="{HIGH - 4}" text-anchor="middle">'
        f"{escape(words['along'])}</text>"
        f'<text x="8" y="14">{escape(words["height"])}</text></svg>'
    )
    return Markup("".join(parts))  # noqa: S704 -- every text of strangers was escaped above


def _dam(at: float, top: float, code: str) -> Iterable[str]:
    yield (
        f'<polygon class="dam" points="{at - 2},{top} {at - 2},{top - 22} {at + 8},{top}"/>'
        f'<text x="{at + 12}" y="{top - 10}">{escape(code)}</text>'
    )


def _objects(
    objects: list[dict[str, Any]], names: dict[str, str], words: dict[str, str], x: Any, y: Any
) -> Iterable[str]:
    """Yield each object as a mark on its height, its name on a row of its own above the ground."""
    for i, one in enumerate(o for o in objects if o["z"] is not None):
        at, up = x(one["path_m"]), y(one["z"])
        row = _TOP - 18 + 16 * (i % 2)
        beside = words["beside"].format(metres=round(one["lateral_m"]))
        anchor = "end" if at > WIDE * 0.7 else "start"
        yield (
            f'<line class="drop" x1="{at}" x2="{at}" y1="{row + 4}" y2="{up - 6}"/>'
            f'<rect class="house" x="{at - 5}" y="{up - 10}" width="10" height="10"/>'
            f'<text x="{at + (-6 if anchor == "end" else 6)}" y="{row}" text-anchor="{anchor}">'
            f"{escape(names.get(one['key'], ''))} · {escape(beside)}</text>"
        )
