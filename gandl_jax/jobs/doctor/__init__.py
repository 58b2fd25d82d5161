"""The job `doctor`."""
