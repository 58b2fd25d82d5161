"""Screens, one file with a `SCREEN` for each name in config.data.name."""
