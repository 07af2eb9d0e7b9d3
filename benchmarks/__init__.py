"""Measurements, side by side on the same work; never run as tests."""
