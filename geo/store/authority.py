"""Who may do what, and on whose matters (L3): one function every act of the store asks."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from geo.problems import Problem
from geo.store.engine import Actor
from geo.store.tables import feature, mine, survey


def authorise(actor: Actor, action: str, matter: Any) -> None:
    """Say who may do what.

    A regulator acts in their district. A geologist submits what their own organisation surveyed; an
    enterprise declares and files. The administrator keeps accounts and decides nothing.

    Parameters
    ----------
    actor : Actor
        Who acts.
    action : str
        What they would do, for the sentence.
    matter : row
        Has district and owner_org, and may have survey_org.

    Raises
    ------
    Problem
        404 where the actor may not even see the matter, 403 where their role may not act.
    """
    if actor.role == "regulator":
        if not (actor.district and matter.district.startswith(actor.district)):
            raise Problem("store.not_found", http_status=404)
        return
    whose = {matter.owner_org, getattr(matter, "survey_org", None)} - {None}
    if actor.role != "administrator" and actor.org_id not in whose:
        raise Problem("store.not_found", http_status=404)
    raise Problem("store.not_allowed", http_status=403, action=action)


def is_own(actor: Actor, row: Any) -> bool:
    """Tell whether a mine or pond is that of the actor's enterprise."""
    return actor.role == "enterprise" and actor.org_id == row.owner_org


def authorise_survey(conn: Connection, actor: Actor, action: str, row: Row[Any]) -> None:
    """Say who may act on a survey: whoever is competent for every district it has rows in."""
    authorise(actor, action, row)
    wanted = select(feature.c.district).where(feature.c.survey_id == row.id).distinct()
    for district in sorted(conn.scalars(wanted)):
        if not district.startswith(actor.district):
            # They see the survey, so it is no secret: it needs a bureau above both.
            raise Problem("store.two_districts", http_status=403, district=district)


def survey_row(conn: Connection, survey_id: UUID) -> Row[Any]:
    """Return a survey's own row.

    Raises
    ------
    Problem
        404 where there is none.
    """
    found = conn.execute(select(survey).where(survey.c.id == survey_id)).one_or_none()
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


def mine_row(conn: Connection, code: str) -> Row[Any]:
    """Return a mine's lasting row.

    Raises
    ------
    Problem
        404 where no accepted boundary has made one.
    """
    found = conn.execute(select(mine).where(mine.c.code == code)).one_or_none()
    if found is None:
        raise Problem("store.no_such_mine", http_status=404, mine=code)
    return found


def need(*said: str) -> None:
    """Raise unless reason and document are both given (L3)."""
    if not all(word.strip() for word in said):
        raise Problem("store.reason_wanted")


def owner_of(row: Row[Any]) -> dict[str, Any]:
    """Return to whom the records about a row belong."""
    return {"district": row.district, "owner_org": row.owner_org}
