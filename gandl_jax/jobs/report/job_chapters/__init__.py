"""Chapters of what jobs besides tasks left: a module each, by the name of the job."""
