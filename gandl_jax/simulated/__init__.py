"""Simulated screens: cells, stains and plates that are drawn with known truth."""
