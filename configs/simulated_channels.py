"""Six channels that every treatment alters by known amounts: which does a network find?

With `treatment=siRNA-0001` that treatment is told from the controls, EMPTY, alone, so
that what a network says of the channels holds of it; else all are told apart. The last
experiment is held out.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text, treatment="")
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="simulated_channels",
        source_dir="data/raw/simulated_channels",
        dir="data/simulated_channels",
    )
    config.simulate.update(
        experiments_per_cell_model=3,
        plates_per_experiment=2,
        sirnas=12,
        replicates=16,  # of a treatment in an experiment
        negative_wells=32,
    )
    config.train.hold_out = "given"
    configs.tune(config, "classifier", {"data.label": "Treatment"})
    if options["treatment"]:
        alone = {"data.label_values": ("EMPTY", options["treatment"])}
        configs.tune(config, "classifier", alone)
    config.evaluate.classical = "off"  # minutes more
    config.evaluate.label_classification.update(label="Treatment", splits=())
    return configs.finish(config, options)
