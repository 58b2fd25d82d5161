"""MNIST's digits in eight channels of known importance: which does a network find?

It needs MNIST, `mnist.npz` in data/raw (`--config.simulate.digits_file=FILE`; where it
is not there the message says where to get it). MNIST's own test digits are held out.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.small(configs.default(options["method"]))
    config.data.update(
        name="mnist_channels",
        source_dir="data/raw/mnist_channels",
        dir="data/mnist_channels",
        crop_px=32,  # digits whole: 28 and 2 on every side
        pad_px=2,
        padding="constant",  # black, as all around a digit
        flips=False,  # a digit has one way up
        rotations=False,
    )
    config.train.hold_out = "given"
    config.train.update(
        batch=32,
        total_images=48_000,  # chosen on another draw (docs/channels.md)
        log_every_images=1_600,
        grid_every_images=48_000,
        checkpoint_every_images=16_000,
    )
    configs.tune(config, "classifier", {"data.label": "Digit"})
    config.evaluate.classical = "off"  # minutes more
    config.evaluate.bootstrap_unit = "record"
    config.evaluate.label_classification.update(label="Digit", splits=())
    return configs.finish(config, options)
