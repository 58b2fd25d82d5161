"""Reads a StyleGAN2 saved under stylegan2-ada-pytorch's state-dict names.

The weights are stored before equalised learning-rate scaling, as ours are, so
reading is renaming and transposing: it serves gradients as well.
"""

import dataclasses
import math
import re
from collections.abc import Mapping

import numpy as np

from gandl_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The sizes of a saved StyleGAN2.

    Attributes:
      size: height and width of its images.
      channels: C of its images.
      base: channels at resolution r are min(base / r, widest).
      widest: most channels of a layer.
      dim: Z, width of a style.
      mapping_layers: depth of the mapping network.
    """

    size: int
    channels: int
    base: int
    widest: int
    dim: int
    mapping_layers: int


def architecture(generator: Mapping[str, np.ndarray]) -> Architecture:
    """Derives the sizes from the shapes of a generator's state dict.

    Raises:
      InputError: no generator, or widths that are not min(base / r, widest).
    """
    sizes = [re.match(r"synthesis\.b(\d+)\.torgb\.weight$", k) for k in generator]
    sizes = sorted(int(m[1]) for m in sizes if m)
    if not sizes:
        raise InputError("the weights hold no StyleGAN2 generator (synthesis.b*.torgb)")
    image = generator[f"synthesis.b{sizes[-1]}.torgb.weight"]
    width = {r: generator[f"synthesis.b{r}.torgb.weight"].shape[1] for r in sizes}
    base, widest = max(r * w for r, w in width.items()), max(width.values())
    if any(min(base // r, widest) != w for r, w in width.items()):
        raise InputError(f"channel widths {width} are not min(base / r, widest)")
    return Architecture(
        size=sizes[-1],
        channels=image.shape[0],
        base=base,
        widest=widest,
        dim=generator["mapping.fc0.weight"].shape[0],
        mapping_layers=sum(k.startswith("mapping.fc") for k in generator) // 2,
    )


def generator_params(saved: Mapping[str, np.ndarray]) -> dict:
    """A generator's arrays as {"mapping": ..., "synthesis": ...} for our modules."""
    mapping, synthesis = {}, {}
    for name, value in saved.items():
        part, *path, kind = name.split(".")
        if part == "mapping" and path:
            layer = path[0].replace("fc", "dense")
            mapping.setdefault(layer, {})[kind] = _array(value)
        elif kind == "const":
            synthesis[kind] = _array(value.transpose(1, 2, 0))
        elif kind in ("weight", "bias", "noise_strength"):
            block, layer, *rest = path
            ours = f"{block}_{layer}".replace("torgb", "image")
            target = synthesis.setdefault(ours, {})
            (target.setdefault("affine", {}) if rest else target)[kind] = _array(value)
    return {"mapping": mapping, "synthesis": synthesis}


def stored_noise(saved: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """A generator's fixed noise maps, [1, r, r, 1] each, in the order of its layers."""
    names = [name for name in saved if name.endswith("noise_const")]
    names.sort(key=lambda name: (int(name.split(".")[1][1:]), name))
    return [saved[name][None, :, :, None] for name in names]


def discriminator_params(saved: Mapping[str, np.ndarray]) -> dict:
    """A discriminator's arrays for our module."""
    params = {}
    for name, value in saved.items():
        block, layer, kind = (name.split(".") + [""])[:3]
        if kind not in ("weight", "bias"):
            continue
        if layer == "fromrgb":
            target = params.setdefault("from_image", {})
        elif block == "b4":
            ours = {"conv": "last_conv", "fc": "first_dense", "out": "logit"}[layer]
            target = params.setdefault(ours, {})
        else:
            target = params.setdefault(f"blocks_{block}", {}).setdefault(layer, {})
        if (layer, kind) == ("fc", "weight"):
            value = _flattened_channels_last(value)
        target[kind] = _array(value)
    return params


def _array(value: np.ndarray) -> np.ndarray:
    """[out, in, kh, kw] to [kh, kw, in, out], [out, in] to [in, out]."""
    value = np.asarray(value, np.float32)
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T if value.ndim == 2 else value


def _flattened_channels_last(weight: np.ndarray) -> np.ndarray:
    """[out, C*H*W] to [out, H*W*C]: the dense layer reads a 4x4 map."""
    out, inputs = weight.shape
    side = math.isqrt(16)
    maps = weight.reshape(out, inputs // 16, side, side)
    return maps.transpose(0, 2, 3, 1).reshape(out, inputs)
