"""The simulated screen, halved in size, embedded by configs/demo_rxrx1.py's network.

Run that first, with the same method, recipe and `smoke`.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="simulated",
        source_dir="data/raw/simulated",
        dir="data/simulated_halved",
        downscale=2,  # as RxRx19a's 1024 px, of which Cuccarese et al. 2020 see 512
    )
    config.evaluate.classical = "off"
    config.evaluate.cell_model_classification.splits = ("record", "plate")
    method, recipe = options["method"], options["recipe"]
    words = ["runs/demo_rxrx1", method if method != "gan" else "", recipe]
    words.append("smoke" if options["smoke"] else "")
    config.embed.checkpoint = "-".join(filter(None, words))
    return configs.finish(config, options)
