"""Digits as a screen: grey PNGs of 28 x 28 pixels, `digits/{digit}_{number}.png`.

No wells, no treatments, a label in the file's name: the least that a screen can be.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="own",
        source_dir="data/raw/mnist",
        dir="data/mnist",
        crop_px=32,  # digits whole: 28 and 2 on every side
        pad_px=2,
        padding="constant",  # black, as all around a digit
        flips=False,  # a digit has one way up
        rotations=False,
    )
    config.screen.update(
        name="mnist",
        metadata="",
        file="digits/{digit}_{number}.png",
        channels=("ink",),
        more_columns=("digit",),
    )
    config.evaluate.bootstrap_unit = "record"
    config.evaluate.label_classification.update(label="Digit", splits=("record",))
    return configs.finish(config, options)
