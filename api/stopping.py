"""Whether the server was told to stop: what streams for minutes must end then, of itself."""

from threading import Event

asked = Event()
