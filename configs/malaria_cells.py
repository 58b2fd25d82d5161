"""Red blood cells, 50 px, grey: with a parasite or without, patients left out.

Source: NIH, doi 10.7717/peerj.4568 (licence of copies not verified).
For choosing: a third of the patients, of those with parasites too. For reporting: the
others.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    configs.labelled_cells(config, "malaria_cells", side_px=50, group="patient")
    return configs.finish(config, options)
