"""Gentler settings for a training that went bad; imports nothing slow."""

from gandl_jax import modules

SLOWER = 0.5  # factor for the learning rate (ours)


def settings(what: str, config) -> dict[str, str]:
    """Returns {key of the config: value} to train again with; {} if unknown.

    The method's diagnosis decides; without one the learning rate is halved.

    Args:
      what: the finding or check that shows the trouble, by name.
      config: of the training.
    """
    diagnosis = modules.part("methods", config.method.name, "diagnosis")
    if diagnosis:
        return diagnosis.gentler(what, config)
    if "learning_rate" in config.method:
        return {"method.learning_rate": f"{SLOWER * config.method.learning_rate:g}"}
    return {}
