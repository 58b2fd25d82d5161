"""BBBC021, single cells of 68 px, 16-bit: cycloheximide against DMSO on three plates.

Source: https://bbbc.broadinstitute.org/BBBC021. One well per condition and plate,
always in the same place: position alone tells them apart, so this checks the chain.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="bbbc021_cells",
        source_dir="data/raw/bbbc021_cells",
        dir="data/bbbc021_cells",
    )
    config.evaluate.label_classification.update(
        label="Concentration_uM",  # there is one compound
        splits=("record", "plate"),
    )
    return configs.finish(config, options)
