"""Run ``alembic check`` on a throw-away cluster: tables and migrations must say the same."""

import os
import sys
import tempfile
from pathlib import Path

from alembic import command

from geo.settings import Settings
from geo.store.cluster import running_cluster
from geo.store.engine import dispose, engine
from geo.store.migrate import config_for, migrate


def main() -> None:
    """Migrate from empty, then compare; Alembic ends with an error where they differ."""
    with tempfile.TemporaryDirectory(prefix="minerisk-check-") as folder:
        os.chmod(folder, 0o755)
        made = Settings(local=Path(folder) / "local", database_url=None)
        with running_cluster(made):
            migrate(made)
            with engine(made, "owner").connect() as conn:
                command.check(config_for(conn))
            dispose()


if __name__ == "__main__":
    main()
    sys.stdout.write("alembic check passed\n")
