"""Zero-shot: the demo's encoder embeds a simulated RxRx1, whose images it never saw.

Run configs/demo.py first; with `smoke` here, with `smoke` there.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="simulated_rxrx1",
        source_dir="data/raw/simulated_rxrx1",
        dir="data/simulated_rxrx1",
        # The five-channel view: without mitochondria, which the encoder never saw.
        channels=("nuclei", "er", "actin", "rna", "golgi"),
    )
    config.simulate.update(experiments_per_cell_model=3, plates_per_experiment=2)
    config.simulate.replicates = 1  # of a siRNA in an experiment, as in RxRx1
    config.evaluate.classical = "off"
    other = "" if options["method"] == "gan" else f"-{options['method']}"
    config.embed.checkpoint = f"runs/demo{other}" + "-smoke" * options["smoke"]
    return configs.finish(config, options)
