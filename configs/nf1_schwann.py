"""Schwann cells without NF1 against wild type: files such as `B07_s3_w1.tif`, 16-bit.

Sites of 904 x 1224 pixels, three channels, one file each, and no table: the wells are
named in the filters.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="own",
        source_dir="data/raw/nf1_schwann",
        dir="data/nf1_schwann",
    )
    config.screen.update(
        name="nf1_schwann",
        metadata="",
        file="{well}_s{site}_w{channel}.tif",
        channels=("dapi", "gfp", "rfp"),
        response_0="well=B07|D07|F07|H12",  # NF1 null
        response_1="well=D06",  # wild type
    )
    config.screen.columns.update(well="well", site="site")
    return configs.finish(config, options)
