"""Images in memory to features, also where JAX, Flax and NumPy are all there is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from gandl_jax.errors import InputError, nearest
from gandl_jax.training import encoder_file
from gandl_jax.training.array_encoder import ArrayEncoder


def open_encoder(place: Any, step: str = "last") -> ArrayEncoder:
    """Opens an encoder: compiled once, it embeds as many arrays as it is given.

    Args:
      place: a workdir ("runs/demo"), whose prepared screen is needed too, or a file
        that --job=export_encoder wrote ("gan@500.safetensors").
      step: of a workdir, the checkpoint: "last", "first" or a number.

    Returns:
      The encoder; `name`, `channels`, `bit_depth`, `plates`, `provenance` tell of it,
      and `widths()` gives its sets. Its `embed` gives {set: [N, D] float32}.

    Raises:
      InputError: no such workdir, file, checkpoint or prepared screen; a file that is
        damaged, or that a later version wrote.
    """
    if encoder_file.is_file(str(place)):
        return encoder_file.read(str(place))
    if not epath.Path(place).is_dir():
        raise InputError(
            f"there is no workdir {place}: name one, or a file that "
            f"--job=export_encoder wrote (it ends in {encoder_file.ENDING})"
        )
    from gandl_jax.training import workdir_encoder  # reads screens: slow

    return workdir_encoder.open_workdir(epath.Path(place), str(step))


def embed(
    images: Any,
    encoder: Any,
    *,
    channels: Sequence[str] = (),
    plates: Sequence[str] = (),
    sets: Sequence[str] = (),
) -> Any:
    """Embeds images as --job=embed embeds those of a screen.

    They are stretched by the grey levels of the encoder's own training, and cut,
    padded, turned and averaged as it is configured.

    Args:
      images: [N, H, W, C] uint8 or uint16, raw levels as files hold them.
      encoder: a workdir, an encoder's file, or what `open_encoder` gives.
      channels: [C], names of the images' channels, of which the encoder's are taken;
        () says that they are the encoder's, in its order.
      plates: [N], or one name: the plate of each image, where the encoder was trained
        with levels or illumination of each plate.
      sets: names of feature sets, such as "b64"; () is all.

    Returns:
      A DataFrame of N rows and the columns <set>__<i>, float32; where pandas is not
      installed, the same as a dictionary of columns.

    Raises:
      InputError: images that are no numbers, of other channels, depth or size than the
        encoder takes; an encoder that cannot be opened; a set that it has not.
    """
    opened = encoder if isinstance(encoder, ArrayEncoder) else open_encoder(encoder)
    known = opened.widths()
    for name in sets:
        if name not in known:
            raise InputError(
                f"the encoder {opened.name} has no set {name!r}; {nearest(name, known)}"
            )
    found = opened.embed(images, channels, plates)
    return _table({name: found[name] for name in sets or found})


def _table(found: Mapping[str, np.ndarray]) -> Any:
    names = [f"{name}__{i}" for name, x in found.items() for i in range(x.shape[1])]
    features = np.concatenate(list(found.values()), axis=1)
    try:
        import pandas as pd
    except ImportError:
        return dict(zip(names, features.T, strict=True))
    return pd.DataFrame(features, columns=names)
