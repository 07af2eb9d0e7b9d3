"""Treatment works: whose acceptance is on record, so that an ending may be proposed (L3, L19)."""

from datetime import date

from sqlalchemy import Connection, text

# The newest works that name what they treat, by the day they began.
_WORKS = text(
    """
    SELECT DISTINCT ON (f.mine_code, f.attrs ->> 'target_code') f.mine_code,
        f.attrs ->> 'target_code' AS target, f.attrs ->> 'accepted_on' AS accepted
    FROM minerisk.feature f
    JOIN minerisk.survey_states(:known) s USING (survey_id)
    WHERE f.layer = 'treatment_works' AND s.state = 'accepted' AND f.attrs ? 'target_code'
      AND f.id NOT IN (SELECT minerisk.replaced(:known))
    ORDER BY f.mine_code, f.attrs ->> 'target_code', f.attrs ->> 'started_on' DESC NULLS LAST,
        f.attrs ->> 'accepted_on' DESC NULLS LAST, f.key DESC
    """
)
_CALLED = text(
    """
    SELECT DISTINCT f.key, f.mine_code, f.code FROM minerisk.feature f
    JOIN minerisk.survey_states(:known) s USING (survey_id)
    WHERE f.code = ANY (:codes) AND s.state IN ('accepted', 'revoked')
      AND f.layer NOT IN ('treatment_works', 'mine_boundary', 'plan_item', 'survey_extent')
    """
)


def accepted_works(
    conn: Connection, known: int, on: date
) -> tuple[dict[tuple[str, str], date], dict[str, tuple[str, str]]]:
    """Return works accepted by a day, and the factors that bear the codes of what they treat.

    Parameters
    ----------
    conn : Connection
        Of any role: of rows one may not see nothing is told.
    known : int
        Number of the batch up to which things are known.
    on : date

    Returns
    -------
    (dict, dict)
        {(mine code, code of what is treated): day accepted}; {factor key: (mine code, code)}.
    """
    accepted = {
        (row.mine_code, row.target): date.fromisoformat(row.accepted)
        for row in conn.execute(_WORKS, {"known": known})
        if row.accepted and row.accepted <= on.isoformat()
    }
    codes = sorted({target for _, target in accepted})
    found = conn.execute(_CALLED, {"known": known, "codes": codes})
    return accepted, {row.key: (row.mine_code, row.code) for row in found}
