"""White blood cells, 64 px, RGB: five stages of maturing to a neutrophil.

Source: doi 10.1016/j.dib.2020.105474. No patient is recorded: scores flatter.
For choosing: a third of each stage's cells, at random. For reporting: the others.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    configs.labelled_cells(config, "granulopoiesis_stages", side_px=64, group="record")
    # No patient is recorded and no time: cells are decided on one by one.
    order = "1_promyelocyte > 2_myelocyte > 3_metamyelocyte > 4_band_neutrophil"
    config.evaluate.staged_classification.order = f"{order} > 5_segmented_neutrophil"
    return configs.finish(config, options)
