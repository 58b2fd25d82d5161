"""Parts that the jobs that judge feature sets share."""
