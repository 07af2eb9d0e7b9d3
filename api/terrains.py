"""Routes: elevation models on record, and what is decided of those that are sent.

A model is sent as any file is (``/uploads`` or ``/sendings``, with its statement as ``terrain``),
read there, and submitted here.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from api.auth import AppConn, Caller, TimesAsked
from api.shapes import Reviewed, SentModel
from geo.problems import Problem
from geo.settings import settings
from geo.store import batches, intake, terrain_decisions, terrain_outlines, terrain_queries
from geo.store.engine import connect
from geo.store.terrain_sent import submit_model

router = APIRouter(prefix="/terrains", tags=["ponds"])


@router.get("", summary="Elevation models on record")
def terrains(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return the elevation models one may see, the newest first, with source, error and extent.

    ``state`` is submitted, returned or revoked; of an accepted one in_force (ponds are judged on it
    somewhere: ``answers``, ``ponds``), waits (accepted since the newest computation) or replaced.
    """
    return terrain_queries.models(conn, times.known)


@router.get("/outlines", summary="The ground that accepted models show")
def outlines(conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return the outline of each accepted model as GeoJSON."""
    return terrain_outlines.outlines(conn, batches.seq_at(conn, times.known))


@router.post("", status_code=201, summary="Submit an elevation model that was read")
def submit_terrain(sent: SentModel, who: Caller) -> dict[str, Any]:
    """Submit it for review; it counts once a regulator has accepted it."""
    with connect(settings(), "app", who.actor) as conn:
        if intake.upload_status(conn, sent.upload_id) is None:
            raise Problem("store.not_found", http_status=404)
    with who.working() as conn:
        made = submit_model(conn, who.actor, sent.upload_id)
    return {"id": made, "state": "submitted"}


@router.post("/{terrain_id}/accept", summary="Accept an elevation model")
def accept_terrain(terrain_id: UUID, sent: Reviewed, who: Caller) -> dict[str, Any]:
    """Accept; where a head-top verdict may fall, answers ``needs_second`` and changes nothing."""
    with who.working() as conn:
        return terrain_decisions.accept(conn, who.actor, terrain_id, sent.reason, sent.document)


@router.post("/{terrain_id}/return", summary="Return an elevation model")
def return_terrain(terrain_id: UUID, sent: Reviewed, who: Caller) -> dict[str, Any]:
    """Return a submitted model with remarks."""
    with who.working() as conn:
        return terrain_decisions.return_(conn, who.actor, terrain_id, sent.reason, sent.document)


@router.post("/{terrain_id}/revoke", summary="Revoke an elevation model")
def revoke_terrain(terrain_id: UUID, sent: Reviewed, who: Caller) -> dict[str, Any]:
    """Revoke an accepted model; where a verdict or a zone may fall, a second person confirms."""
    with who.working() as conn:
        return terrain_decisions.revoke(conn, who.actor, terrain_id, sent.reason, sent.document)
