"""What an organisation settled about its own files: columns, sources and encodings set by hand.

Kept when an upload read that way is submitted; taken the next time, said in the report, and changed
by settling it otherwise. One organisation's habits are nobody else's.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from geo.store.tables import app_user, remembered
from geo.survey.layers import fold
from geo.survey.reading import ReadOptions


def organisation_of(conn: Connection, user_id: UUID | None) -> UUID | None:
    """Return the organisation of whoever sent an upload, None for the program itself."""
    return conn.scalar(select(app_user.c.org_id).where(app_user.c.id == user_id))


def recall(conn: Connection, org_id: UUID | None) -> dict[str, Any]:
    """Return what an organisation settled, as reading options.

    Returns
    -------
    dict
        ``remembered``: layer → folded column → field, an empty word where it is to be left;
        ``remembered_layers``: folded source name → layer type;
        ``remembered_encodings``: folded source name → encoding.
    """
    made: dict[str, Any] = {"remembered": {}, "remembered_layers": {}, "remembered_encodings": {}}
    for row in conn.execute(select(remembered).where(remembered.c.org_id == org_id)):
        if row.kind == "layer":
            made["remembered_layers"][row.name] = row.target
        elif row.kind == "encoding":
            made["remembered_encodings"][row.name] = row.target
        else:
            made["remembered"].setdefault(row.layer, {})[row.name] = row.target
    return made


def remember(conn: Connection, org_id: UUID | None, login: str, upload: Any) -> int:
    """Keep what somebody set by hand for the layers of an upload; returns how many settings."""
    if org_id is None or upload.result is None:
        return 0
    settled: dict[tuple[str, str, str], str] = {}
    options = ReadOptions.model_validate(upload.options)
    types = options.layers
    for read in upload.result["layers"]:
        columns = {*read["mapping"], *(read["samples"][0] if read["samples"] else ())}
        for column, target in options.mapped_by_hand(read["source_name"]).items():
            if read["layer"] and column in columns:
                settled["field", read["layer"], fold(column)] = target
        if read["source_name"] in types:
            settled["layer", "", fold(read["source_name"])] = types[read["source_name"]]
        # Said of one source; what is said of all of a file is no habit of any of them.
        if options.encoding_of.get(read["source_name"]):
            settled["encoding", "", fold(read["source_name"])] = read["encoding"].lower()
    for (kind, layer, name), target in sorted(settled.items()):
        row = {"org_id": org_id, "kind": kind, "layer": layer, "name": name, "target": target}
        conn.execute(
            insert(remembered)
            .values(**row, set_by=login)
            .on_conflict_do_update(
                index_elements=["org_id", "kind", "layer", "name"],
                set_={"target": target, "set_by": login, "set_at": func.now()},
            )
        )
    return len(settled)
