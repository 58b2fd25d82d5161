"""The job `generated_quality` and its parts."""
