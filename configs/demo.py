"""The demo: a simulated screen, a small network, seven minutes on 2 cores."""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    config.data.update(
        name="simulated", source_dir="data/raw/simulated", dir="data/simulated"
    )
    # 500 steps of 16: what three seeds have shown to help (docs/trials.md). 2,000 of 4
    # take the same minutes, draw better cells and help less.
    config.train.batch = 16
    # Chosen on another simulated screen (simulate.seed=1; docs/trials.md).
    configs.tune(config, "gan", {"evaluate.features": "b64"})
    configs.tune(config, "classifier", {"data.label": "Condition"})
    uv = "UV Inactivated SARS-CoV-2"
    deemd = {
        "data.label": "Role,Condition",
        "data.label_values": ("response_0", "response_1", uv),
        "method.healthy": ("response_1", uv),  # Saberian et al. 2022
        "data.crop_px": 128,  # whole sites: 49 tiles of 32 px
        "method.top_k": 10,
    }
    configs.tune(config, "deemd", deemd)
    # Minutes more, each.
    config.evaluate.classical = "off"
    config.evaluate.tasks = "all,-clustering,-label_classification"
    # An experiment holds one cell model, so none can be left out; plates can.
    config.evaluate.cell_model_classification.splits = ("record", "plate")
    return configs.finish(config, options)
