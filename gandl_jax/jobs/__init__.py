"""One file per stage of an experiment, each with `run(config, workdir)`."""
