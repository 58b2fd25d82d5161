"""HEp-2 cells, 78 px, one channel: six staining patterns, specimens left out.

Source: https://i3a2014.unisa.it (licence not verified). Specimens are estimated.
For choosing: a third of each pattern's specimens. For reporting: the others.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    configs.labelled_cells(config, "hep2_cells", side_px=78, group="specimen")
    return configs.finish(config, options)
