"""Minerisk library: survey layers in, hazard grades with their reasons out."""
