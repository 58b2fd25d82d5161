"""BBBC021, fields of 256 px in RGB: six mechanisms of action, compounds left out.

Source: https://bbbc.broadinstitute.org/BBBC021. A plate holds few mechanisms and alone
predicts most of the labels: read that floor beside every score.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    config.data.update(
        name="bbbc021_fields",
        source_dir="data/raw/bbbc021_fields",
        dir="data/bbbc021_fields",
        records_per_shard=64,
    )
    # Two minutes of training; longer ones unlearn (docs/trials.md, as all of these).
    config.train.total_images = 4_000
    gan = {"method.r1_weight": 2.0, "evaluate.features": "b32"}
    configs.tune(config, "gan", gan)
    configs.tune(config, "classifier", {"data.label": "Mechanism"})
    config.evaluate.update(normalize="whiten", svm_c=10.0)
    # `whiten` was chosen for telling labels (docs/trials.md), not for finding profiles.
    config.evaluate.retrieval.normalize = "standard"
    config.evaluate.drug_similarity.normalize = "standard"
    config.evaluate.label_classification.update(
        label="Mechanism", splits=("treatment", "plate")
    )
    config.evaluate.max_folds = 20  # each of 18 compounds, of 20 plates
    return configs.finish(config, options)
