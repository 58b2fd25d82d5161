"""Job `generated_quality` and its parts."""
