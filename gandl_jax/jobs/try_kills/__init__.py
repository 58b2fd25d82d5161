"""The job `try_kills`."""
