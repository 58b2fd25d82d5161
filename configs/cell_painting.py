"""A Cell Painting plate without a table: files such as `X01_s1_w1.tif`, 16-bit.

Sites of 520 x 696 pixels, five channels, one file each (Bray et al. 2017).
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="own",
        source_dir="data/raw/cell_painting",
        dir="data/cell_painting",
    )
    config.screen.update(
        name="cell_painting",
        metadata="",
        file="{well}_s{site}_w{channel}.tif",
        channels=("dna", "er", "rna", "actin_golgi", "mito"),
    )
    config.screen.columns.update(well="well", site="site")
    return configs.finish(config, options)
