"""Options of jobs that compare: parts of the groups, and candidates of folds."""

from typing import Any

import ml_collections

from gandl_jax import config as configs


def options(
    config: ml_collections.ConfigDict, task: str, *, nested: bool
) -> dict[str, Any]:
    """Returns the options that a comparison by a classification depends on.

    The compared sets are not among them.

    Args:
      config: evaluate, choose and compare are read.
      task: its name.
      nested: whether folds choose a set, too.
    """
    compare, task_options = config.compare, configs.task_options(config, task)
    choice = candidates(config)
    inner_folds = choice.pop("inner_folds")
    return {key: value for key, value in task_options.items() if key != "features"} | {
        "aside_frac": compare.aside_frac,
        "part": compare.part,
        "nested": nested,
        "inner_folds": inner_folds,
        "choose": choice,
    }


def candidates(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Returns the candidates of a fold: normalize and svm_c; and inner_folds."""
    svm_c = config.choose.svm_c or (config.evaluate.svm_c,)
    return {
        "normalize": tuple(dict.fromkeys(config.choose.normalize)),
        "svm_c": tuple(dict.fromkeys(map(float, svm_c))),
        "inner_folds": config.choose.inner_folds,
    }
