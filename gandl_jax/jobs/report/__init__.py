"""The job `report`, and the parts of its page."""
