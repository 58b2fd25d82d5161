"""T cells, 64 px, autofluorescence: activated or quiescent, donors left out.

Source: https://github.com/gitter-lab/t-cell-classification.
For choosing: one donor of four. For reporting: the others.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    configs.labelled_cells(config, "tcell_activation", side_px=64, group="donor")
    return configs.finish(config, options)
