"""The demo: a simulated screen, a small network, a quarter of an hour on 2 cores."""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text, smoke=False)
    config = configs.small(configs.default())
    config.data.update(
        name="simulated", source_dir="data/raw/simulated", dir="data/simulated"
    )
    # An experiment holds one cell model, so none can be left out; plates can.
    config.evaluate.cell_type_splits = ("record", "plate")
    return configs.smoke(config) if options["smoke"] else config
