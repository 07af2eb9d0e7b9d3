"""The made-up sample county."""
