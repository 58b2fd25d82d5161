"""The job `sweep` and its parts."""
