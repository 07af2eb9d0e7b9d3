"""Tailings-pond rooms: grade, closure, states."""
