"""Simulated screens: cells, stains and plates, drawn with known truth."""
