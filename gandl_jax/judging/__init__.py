"""What the jobs that judge feature sets share."""
