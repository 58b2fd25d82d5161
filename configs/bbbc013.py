"""BBBC013: FKHR-GFP stays in the nucleus under Wortmannin; one plate, 2 channels.

Source: https://bbbc.broadinstitute.org/BBBC013 (CC BY 3.0), laid out as RxRx19a is.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    # 48 images are soon learnt by heart.
    config = configs.augmented(configs.small(configs.default(options["method"])))
    config.data.update(
        name="bbbc013",
        source_dir="data/raw/bbbc013",
        dir="data/bbbc013",
        records_per_shard=12,
    )
    # Nuclei are 15 to 20 px wide: the move into them shows in a shallow block (ours).
    configs.tune(config, "gan", {"evaluate.features": "b32"})
    deemd = {
        "data.label": "Role",
        "data.label_values": ("response_0", "response_1"),
        "data.crop_px": 128,  # 9 tiles of 64 px, 25 such crops a site
        "model.tile_px": 64,
    }
    configs.tune(config, "deemd", deemd)
    config.evaluate.splits = ("record", "row")  # there is one plate
    return configs.finish(config, options)
