"""A network learns on a simulated RxRx1, by the five channels that RxRx19a has.

With method=classifier,recipe=baseline it is the chain of Cuccarese et al. 2020 on our
screens: it learns to name the siRNAs, and configs/demo_rxrx19a.py embeds the other
screen with it.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="simulated_rxrx1",
        source_dir="data/raw/simulated_rxrx1",
        dir="data/simulated_rxrx1",
        channels=("nuclei", "er", "actin", "rna", "golgi"),  # without mitochondria
    )
    # The same screen as of configs/demo_zero_shot.py.
    config.simulate.update(experiments_per_cell_model=3, plates_per_experiment=2)
    config.simulate.replicates = 1
    config.train.batch = 16
    configs.tune(config, "classifier", {"data.label": "Treatment"})  # the siRNA
    config.evaluate.classical = "off"
    return configs.finish(config, options)
