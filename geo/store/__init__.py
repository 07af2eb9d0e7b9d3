"""Store: the only room that talks to PostgreSQL."""
