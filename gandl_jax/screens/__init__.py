"""Screens: a file here that defines `SCREEN` is what config.data.name names."""
