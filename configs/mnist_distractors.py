"""As mnist_channels.py, but three channels tell the digit, and five tell nothing."""

import pathlib

from gandl_jax import config_files

FIRST = pathlib.Path(__file__).with_name("mnist_channels.py")


def get_config(text: str = ""):
    config = config_files.load(f"{FIRST}:{text}")
    for key in ("source_dir", "dir"):
        config.data[key] = config.data[key].replace("channels", "distractors")
    config.simulate.probabilities = (0.1, 0.9, 0.1, 0.1, 0.9, 0.1, 0.9, 0.1)
    return config
