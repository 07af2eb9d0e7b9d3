"""Pages to look things up on: the dictionary of layer types, and the rule catalogue."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from geo.hazards import hazards
from geo.report.dictionary import dictionary
from geo.report.rules import rows_of
from geo.report.template import ENDINGS
from geo.rules import rules_in_force
from web.door import PageRoute, Reader
from web.render import draw, lang_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/layers")
def layers(request: Request, reader: Reader) -> Response:
    """Draw every layer type with its fields, and the templates to fill in."""
    endings = [ending.removeprefix(".") for ending in ENDINGS]
    return draw(request, "layers.html", reader=reader, layers=dictionary(), endings=endings)


@router.get("/rules")
def rules(request: Request, reader: Reader) -> Response:
    """Draw every rule with its clause, and whether that was verified."""
    found, lang = rules_in_force(), lang_of(request)
    groups = [
        (code, [(r, rows_of(r, lang)) for r in found.rules if r.applies.hazard == code])
        for code in hazards()
    ]
    return draw(
        request,
        "rules.html",
        reader=reader,
        groups=[(code, listed) for code, listed in groups if listed],
        count=len(found.rules),
        unverified=sum(not rule.verified for rule in found.rules),
        version=found.version[:12],
    )
