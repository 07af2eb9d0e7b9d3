"""Settings, read from the environment with the prefix ``MINERISK_``."""

import hashlib
import os
from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Everything that may differ between two installations."""

    model_config = SettingsConfigDict(env_prefix="MINERISK_")

    database_url: str | None = Field(
        default=None, description="An existing database; unset: a private cluster is made."
    )
    local: Path = Field(default=CHECKOUT / ".local", description="Secrets, raw files, logs.")
    host: str = "127.0.0.1"
    port: int = 8000
    district: str = Field(default="140981", description="The county whose lines warn about strays.")
    county_rules: Path | None = Field(
        default=None, description="Folder with the county's own and stricter rules."
    )
    secure_cookie: bool = Field(default=False, description="Set when served over HTTPS.")
    tianditu_key: str = Field(
        default="",
        pattern=r"^[0-9A-Za-z]*$",
        description="Key of 天地图; browsers show its map on request. Unset: no map from outside.",
    )
    online_map: str = Field(
        default="",
        pattern=r"^$|^https?://[A-Za-z0-9.-]+(:\d+)?/[^\s\"'<>]*$",
        description="Any other map: an XYZ or WMTS address with {z}, {x} and {y} in it.",
    )
    online_map_credit: str = Field(default="", description="Whose map that is, for its corner.")
    max_upload_bytes: int = 600 * 1024 * 1024
    max_sending_bytes: int = Field(
        default=2 * 1024 * 1024 * 1024,
        description="Most that one person may have on its way in pieces.",
    )
    cores: int = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        ge=1,
        description="Cores that judging a pond may take at once.",
    )
    log_level: str = "INFO"

    @property
    def raw_files(self) -> Path:
        """Folder of the uploaded bytes, by SHA-256."""
        return self.local / "raw"

    @property
    def datums(self) -> Path:
        """The counties' seven parameters for old datums; see ``minerisk datums``."""
        return self.local / "datums.yaml"

    @property
    def instance(self) -> str:
        """Short name of this checkout's own data, for folders outside it."""
        return hashlib.sha256(str(self.local.resolve()).encode()).hexdigest()[:12]


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
