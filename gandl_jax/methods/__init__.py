"""How something is trained: a folder whose method.py defines `Method` is a method."""
