"""Plots: data in, figure or SVG out; nothing is computed here."""
