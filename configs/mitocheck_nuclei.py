"""MitoCheck's nuclei, 64 px, one channel: sixteen phenotypes, plates left out.

Source: https://idr.openmicroscopy.org, idr0013 (CC BY 4.0).
For choosing: a third of the plates, of those of each phenotype too, the rarest first.
For reporting: the others.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    configs.labelled_cells(config, "mitocheck_nuclei", side_px=64, group="plate")
    config.evaluate.nuclei = "h2b"
    return configs.finish(config, options)
