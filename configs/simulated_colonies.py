"""Simulated colonies of stem cells, 64 px, grey: four classes, followed in time.

Half of the colonies are learnt from, by every method; the other half, drawn from
another seed, is judged.
"""

from gandl_jax import config as configs

ORDER = "debris | dense > spread > differentiated"


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    config.data.update(
        name="simulated_colonies",
        source_dir="data/raw/simulated_colonies",
        dir="data/simulated_colonies",
    )
    config.simulate.size_px = 64
    config.model.input_px = 64
    config.train.batch = 16
    config.embed.orientations = 8  # a record is one patch: its turn would be noise
    configs.tune(config, "classifier", {"data.label": "State"})
    config.train.hold_out = "given"  # the colonies of the other seed
    config.evaluate.label_classification.update(label="State", splits=("given",))
    config.evaluate.staged_classification.update(
        label="State", order=ORDER, group="colony", time="hour", splits=("given",)
    )
    config.evaluate.bootstrap_unit = "colony"
    config = configs.finish(config, options)
    config.data.crop_px = config.simulate.size_px  # networks see whole patches
    return config
