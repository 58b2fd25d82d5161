"""Cells of the Human Protein Atlas, 128 px, four channels: where a protein lies.

Source: https://www.proteinatlas.org (CC BY-SA). Nine cells make a collage; collages are
left out, for the cells of one are alike.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    config.data.update(
        name="hpa_cells",
        source_dir="data/raw/hpa_cells",
        dir="data/hpa_cells",
    )
    configs.tune(config, "classifier", {"data.label": "Location"})
    config.train.total_images = 4_000  # more did not help (docs/trials.md)
    config.embed.orientations = 8  # a record is one cell: its turn would be noise
    config.evaluate.label_classification.update(label="Location", splits=("collage",))
    config.evaluate.bootstrap_unit = "collage"
    return configs.finish(config, options)
