"""Weights of published networks: files read safely, and each source's names."""
