"""BBBC021, fields of 256 px in RGB: six mechanisms of action, compounds left out.

Source: https://bbbc.broadinstitute.org/BBBC021. A plate holds few mechanisms and alone
predicts most of the labels: read that floor beside every score.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text, smoke=False)
    config = configs.small(configs.default())
    config.data.update(
        name="bbbc021_fields",
        source_dir="data/raw/bbbc021_fields",
        dir="data/bbbc021_fields",
        records_per_shard=64,
    )
    config.evaluate.label = "Mechanism"
    config.evaluate.label_splits = ("treatment",)
    return configs.smoke(config) if options["smoke"] else config
