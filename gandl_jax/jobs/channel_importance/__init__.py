"""The job `channel_importance`: which channel matters for a label? See `job`."""
