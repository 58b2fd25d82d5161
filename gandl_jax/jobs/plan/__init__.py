"""The job `plan`."""
