"""What to change in the recipe of a training that went bad; imports nothing slow."""

from gandl_jax import modules

SLOWER = 0.5  # times the learning rate (ours)


def settings(what: str, config) -> dict[str, str]:
    """Key of the config to another value, to train anew with; {} is no advice.

    The method is asked; of one that gives no advice it is half the learning rate.

    Args:
      what: went bad: the finding's name, or the check's.
      config: of the training.
    """
    diagnosis = modules.part("methods", config.method.name, "diagnosis")
    if diagnosis:
        return diagnosis.gentler(what, config)
    if "learning_rate" in config.method:
        return {"method.learning_rate": f"{SLOWER * config.method.learning_rate:g}"}
    return {}
