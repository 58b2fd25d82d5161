"""Chapters of tasks that the report draws: a module each, by the task's name."""
