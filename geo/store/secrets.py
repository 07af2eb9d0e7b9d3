"""Passwords of the database roles, made at first use and readable by their owner only."""

import json
import os
import secrets
from pathlib import Path

from geo.settings import Settings

LOGIN_ROLES = ("postgres", "minerisk_owner", "minerisk_app", "minerisk_worker")
SERVICE_ROLES = ("minerisk_app", "minerisk_worker")


def write_private(path: Path, text: str) -> None:
    """Write `text` so that nobody else can read it and no half file is ever seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)


def service_file(settings: Settings) -> Path:
    """Return the file with the passwords the server needs, where it is another account's."""
    return settings.local / "service.json"


def role_passwords(settings: Settings) -> dict[str, str]:
    """Return the password of each login role, generating the file at first use.

    The server's own account is shown the passwords of its two roles only.
    """
    path = settings.local / "secrets.json"
    if path.exists() and os.geteuid() not in (0, path.stat().st_uid):
        path = service_file(settings)
    if not path.exists():
        made = {role: secrets.token_urlsafe(32) for role in LOGIN_ROLES}
        write_private(path, json.dumps(made))
    return dict(json.loads(path.read_text("utf-8")))
