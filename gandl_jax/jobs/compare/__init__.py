"""The job `compare` and its parts."""
