"""Commands for whoever keeps the installation: doctor, db, user."""

import getpass
import os
from typing import Annotated, Any

import typer

from geo.cli import app, database, guarded, lang, show
from geo.cli.files import Json, _table

db = typer.Typer(no_args_is_help=True, help="The database: grants and migrations.")
user = typer.Typer(no_args_is_help=True, help="Users.")
app.add_typer(db, name="db")
app.add_typer(user, name="user")


@db.command()
@guarded
def grants() -> None:
    """Print the SQL an administrator runs once on a given database.

    Example: minerisk db grants > grants.sql
    """
    from geo.settings import settings
    from geo.store.cluster import urls
    from geo.store.migrate import grants as statements

    conf = settings()
    for statement in statements(conf, str(urls(conf)["admin"].database)):
        typer.echo(f"{statement};")


@db.command()
@guarded
def migrate() -> None:
    """Bring the database to the present shape.

    Example: minerisk db migrate
    """
    with database():
        pass


@user.command()
@guarded
def add(
    login: str,
    name: Annotated[str, typer.Option(help="Full name.")],
    role: Annotated[str, typer.Option(help="geologist, regulator, enterprise, administrator.")],
    org: Annotated[str, typer.Option(help="Code of the organisation.")],
    org_name: Annotated[str | None, typer.Option(help="Its name, if it is new.")] = None,
    district: Annotated[str, typer.Option(help="District code of a regulator.")] = "",
) -> None:
    """Add a user; the password is asked for, or read from MINERISK_PASSWORD.

    Example: minerisk user add sun --name 孙监管 --role regulator --org bureau --district 140981
    """
    from geo.store import accounts
    from geo.store.engine import SYSTEM, connect

    word = os.environ.get("MINERISK_PASSWORD") or getpass.getpass()
    kind = {"geologist": "survey_unit", "enterprise": "enterprise"}.get(role, "bureau")
    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        org_id = accounts.ensure_organisation(conn, org, org_name or org, kind, district)
        accounts.create_user(
            conn, login, word, name=name, role=role, org_id=org_id, district=district
        )


@user.command(name="list")
@guarded
def list_(as_json: Json = False) -> None:
    """List users.

    Example: minerisk user list
    """
    from geo.store import accounts
    from geo.store.engine import SYSTEM, connect

    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        rows = accounts.users(conn)
        names = ("login", "name", "role", "organisation", "district", "active")
        show(rows, as_json, lambda: _table(names, rows))


@user.command()
@guarded
def password(login: str) -> None:
    """Set a user's password, asked for or read from MINERISK_PASSWORD; ends their sessions.

    Example: minerisk user password zhang
    """
    from geo.store import accounts
    from geo.store.engine import SYSTEM, connect

    word = os.environ.get("MINERISK_PASSWORD") or getpass.getpass()
    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        accounts.set_password(conn, login, word)


@app.command()
@guarded
def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Sweep orphans and stalled jobs.")] = False,
    as_json: Json = False,
) -> None:
    """Check the installation; exit code 1 where something is wrong.

    Example: minerisk doctor --mend
    """
    from geo.doctor import examine
    from geo.messages import say

    with database() as conf:
        found = examine(conf, mend=mend)

    def text() -> str:
        return "\n".join(
            f"{say('doctor.good' if f['good'] else 'doctor.bad', lang())} "
            f"{say(f['code'], lang(), **f['params'])}"
            for f in found
        )

    data: list[dict[str, Any]] = found
    show(data, as_json, text)
    if not all(f["good"] for f in found):
        raise typer.Exit(1)
