"""The job `generate`: labelled images of a generator, as a prepared screen."""
