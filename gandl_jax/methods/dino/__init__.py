"""DINO: a student names what its own average sees in larger crops."""
