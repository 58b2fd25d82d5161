"""One file, or folder with a job.py, per job: each has `run(config, workdir)`."""
