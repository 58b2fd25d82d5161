"""Zero-shot: the demo's encoder embeds a simulated RxRx1, whose images it never saw.

Run configs/demo.py first; with `smoke` here, with `smoke` there.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text, smoke=False)
    config = configs.small(configs.default())
    config.data.update(
        name="simulated_rxrx1",
        source_dir="data/raw/simulated_rxrx1",
        dir="data/simulated_rxrx1",
        # The five-channel view: without mitochondria, which the encoder never saw.
        channels=("nuclei", "er", "actin", "rna", "golgi"),
    )
    config.simulate.update(experiments_per_cell_model=3, plates_per_experiment=2)
    config.simulate.replicates = 1  # of a siRNA in an experiment, as in RxRx1
    config.embed.checkpoint = "runs/demo"
    if options["smoke"]:
        config = configs.smoke(config)
        config.embed.checkpoint += "-smoke"
    return config
