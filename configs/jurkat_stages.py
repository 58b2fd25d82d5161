"""Jurkat cells, 40 px, three channels, 16-bit: seven phases of the cell cycle.

Source: doi 10.1038/ncomms10256. Cells of one run: scores flatter.
For choosing: a third of each phase's cells, at random. For reporting: the others.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    configs.labelled_cells(config, "jurkat_stages", side_px=40, group="record")
    config.evaluate.nuclei = "dna"
    # Each cell is seen once: they are decided on one by one.
    order = "G1 > S > G2 > Prophase > Metaphase > Anaphase > Telophase"
    config.evaluate.staged_classification.order = order
    return configs.finish(config, options)
