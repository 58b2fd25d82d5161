"""BYOL: a network predicts how its own average sees another view."""
