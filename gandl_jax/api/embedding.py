"""Embedding of images in memory, also where only JAX, Flax and NumPy are installed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from gandl_jax.errors import InputError, nearest
from gandl_jax.training import encoder_file
from gandl_jax.training.array_encoder import ArrayEncoder


def open_encoder(path: Any, step: str = "last") -> ArrayEncoder:
    """Opens an encoder, which is compiled once, for any number of arrays.

    Args:
      path: a workdir ("runs/demo"), whose prepared screen is needed too, or a file
        that --job=export_encoder wrote ("gan@500.safetensors").
      step: of a workdir, the checkpoint: "last", "first" or a number.

    Returns:
      The encoder, with `name`, `channels`, `bit_depth`, `plates`, `provenance`, and the
      sets in `widths()`. Its `embed` returns {set: [N, D] float32}.

    Raises:
      InputError: no such workdir, file, checkpoint or prepared screen; a file that is
        damaged, or that a later version wrote.
    """
    if encoder_file.is_file(str(path)):
        return encoder_file.read(str(path))
    if not epath.Path(path).is_dir():
        raise InputError(
            f"there is no workdir {path}: name one, or a file that "
            f"--job=export_encoder wrote (it ends in {encoder_file.ENDING})"
        )
    from gandl_jax.training import workdir_encoder  # reads screens: slow

    return workdir_encoder.open_workdir(epath.Path(path), str(step))


def embed(
    images: Any,
    encoder: Any,
    *,
    channels: Sequence[str] = (),
    plates: Sequence[str] = (),
    sets: Sequence[str] = (),
) -> Any:
    """Embeds images as --job=embed embeds those of a screen.

    Images are stretched by the grey levels of the encoder's training, and cut, padded,
    turned and averaged as it is configured.

    Args:
      images: [N, H, W, C] uint8 or uint16, raw levels as files hold them.
      encoder: a workdir, an encoder's file, or an encoder of `open_encoder`.
      channels: [C], names of the images' channels, from which the encoder's are taken;
        () means the encoder's channels, in its order.
      plates: [N], or one name: the plate of each image, if the encoder was trained with
        levels or illumination of each plate.
      sets: names of feature sets, such as "b64"; () is all.

    Returns:
      A DataFrame of N rows and the columns <set>__<i>, float32; without pandas a
      dictionary of the columns.

    Raises:
      InputError: images that are no numbers, or of other channels, depth or size than
        the encoder takes; an encoder that cannot be opened; a set that it lacks.
    """
    opened = encoder if isinstance(encoder, ArrayEncoder) else open_encoder(encoder)
    widths = opened.widths()
    for name in sets:
        if name not in widths:
            raise InputError(
                f"the encoder {opened.name} has no set {name!r}; "
                f"{nearest(name, widths)}"
            )
    features = opened.embed(images, channels, plates)
    return _table({name: features[name] for name in sets or features})


def _table(sets: Mapping[str, np.ndarray]) -> Any:
    names = [
        f"{name}__{i}" for name, values in sets.items() for i in range(values.shape[1])
    ]
    joined = np.concatenate(list(sets.values()), axis=1)
    try:
        import pandas as pd
    except ImportError:
        return dict(zip(names, joined.T, strict=True))
    return pd.DataFrame(joined, columns=names)
