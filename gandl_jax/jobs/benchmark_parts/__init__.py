"""Figures of the job `benchmark`, one kind per file."""
