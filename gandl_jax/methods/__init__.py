"""How something is trained: a file that defines `Method` is a method."""
