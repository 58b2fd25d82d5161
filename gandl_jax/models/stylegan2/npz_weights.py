"""Reads a StyleGAN2 saved under stylegan2-ada-pytorch's state-dict names.

Weights are stored before equalised learning-rate scaling, like ours, so reading only
renames and transposes; it works for gradients too.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping

import numpy as np

from gandl_jax.errors import InputError

EMBEDDING = "mapping.embed.weight"  # of labels: one column for each class
MAPPING = r"mapping\.fc(\d+)\.weight$"


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The sizes of a saved StyleGAN2.

    Attributes:
      size: height and width of its images.
      channels: C of its images.
      base: channels at resolution r are min(base / r, widest).
      widest: most channels of a layer.
      dim: Z, width of a style; None if only the discriminator is known.
      mapping_layers: depth of the mapping network; None if `dim` is None.
      classes: number of classes; 0 is without labels.
      label_layers: depth of the discriminator's mapping of labels; None without one.
    """

    size: int
    channels: int
    base: int
    widest: int
    dim: int | None = None
    mapping_layers: int | None = None
    classes: int = 0
    label_layers: int | None = None

    @property
    def resolutions(self) -> list[int]:
        """Resolutions 4, 8, ... up to the image's size."""
        return [2**k for k in range(2, self.size.bit_length())]

    def width(self, resolution: int) -> int:
        """Returns the channels of the layers at a resolution."""
        return min(self.base // resolution, self.widest)


def architecture(generator: Mapping[str, np.ndarray]) -> Architecture:
    """Derives the sizes from the shapes of a generator's state dict.

    Raises:
      InputError: no generator, or widths that are not min(base / r, widest).
    """
    sizes = _blocks(generator, r"synthesis\.b(\d+)\.torgb\.weight$")
    if not sizes:
        raise InputError("the weights hold no StyleGAN2 generator (synthesis.b*.torgb)")
    image = _shape(generator, f"synthesis.b{sizes[-1]}.torgb.weight", 4)
    width = {r: _shape(generator, f"synthesis.b{r}.torgb.weight", 4)[1] for r in sizes}
    base, widest = _base_and_widest(width)
    return Architecture(
        size=sizes[-1],
        channels=image[0],
        base=base,
        widest=widest,
        dim=_shape(generator, "mapping.fc0.weight", 2)[0],
        mapping_layers=len(_blocks(generator, MAPPING)),
        classes=_classes(generator) if EMBEDDING in generator else 0,
    )


def discriminator_architecture(discriminator: Mapping[str, np.ndarray]) -> Architecture:
    """Derives the sizes from the shapes of a discriminator's state dict.

    Raises:
      InputError: no discriminator, or widths that are not min(base / r, widest).
    """
    sizes = _blocks(discriminator, r"b(\d+)\.conv1\.weight$")
    if not sizes:
        raise InputError("the weights hold no StyleGAN2 discriminator (b*.conv1)")
    image = _shape(discriminator, f"b{sizes[-1]}.fromrgb.weight", 4)
    shapes = {r: _shape(discriminator, f"b{r}.conv1.weight", 4) for r in sizes}
    width = {r: shape[1] for r, shape in shapes.items()}
    width[sizes[0] // 2] = shapes[sizes[0]][0]
    base, widest = _base_and_widest(width)
    architecture = Architecture(
        size=sizes[-1], channels=image[1], base=base, widest=widest
    )
    layers = len(_blocks(discriminator, MAPPING))
    if not layers and EMBEDDING not in discriminator:
        return architecture
    return dataclasses.replace(
        architecture, classes=_classes(discriminator), label_layers=layers
    )


def _classes(saved: Mapping[str, np.ndarray]) -> int:
    return _shape(saved, EMBEDDING, 2)[1]


def _blocks(saved: Iterable[str], pattern: str) -> list[int]:
    """Returns the numbers in the names that match, ascending."""
    matches = (re.match(pattern, name) for name in saved)
    return sorted(int(match[1]) for match in matches if match)


def _shape(saved: Mapping[str, np.ndarray], name: str, axes: int) -> tuple[int, ...]:
    if name not in saved or saved[name].ndim != axes:
        raise InputError(f"the weights hold no {name} of {axes} axes")
    return saved[name].shape


def _base_and_widest(width: Mapping[int, int]) -> tuple[int, int]:
    base, widest = max(r * w for r, w in width.items()), max(width.values())
    if any(min(base // r, widest) != w for r, w in width.items()):
        raise InputError(f"channel widths {dict(width)} are not min(base / r, widest)")
    return base, widest


def generator_shapes(sizes: Architecture) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a generator's state dict, with w's average."""
    dim = sizes.dim
    inputs = 2 * dim if sizes.classes else dim
    shapes = _mapping_shapes(inputs, dim, sizes.mapping_layers, sizes.classes)
    shapes["mapping.w_avg"] = (dim,)
    shapes["synthesis.b4.const"] = (sizes.width(4), 4, 4)
    for r in sizes.resolutions:
        block, width = f"synthesis.b{r}", sizes.width(r)
        layers = {"conv1": (width, width, 3, 3), "torgb": (sizes.channels, width, 1, 1)}
        if r > 4:
            layers["conv0"] = (width, sizes.width(r // 2), 3, 3)
        for layer, shape in layers.items():
            shapes |= _weight_and_bias(f"{block}.{layer}", shape)
            shapes |= _weight_and_bias(f"{block}.{layer}.affine", (shape[1], dim))
            if layer != "torgb":
                shapes[f"{block}.{layer}.noise_strength"] = ()
    return shapes


def discriminator_shapes(sizes: Architecture) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a discriminator's state dict."""
    last, first = sizes.width(4), sizes.width(sizes.size)
    shapes = _weight_and_bias(f"b{sizes.size}.fromrgb", (first, sizes.channels, 1, 1))
    for r in reversed(sizes.resolutions[1:]):
        width, next_width = sizes.width(r), sizes.width(r // 2)
        shapes |= _weight_and_bias(f"b{r}.conv0", (width, width, 3, 3))
        shapes |= _weight_and_bias(f"b{r}.conv1", (next_width, width, 3, 3))
        shapes[f"b{r}.skip.weight"] = (next_width, width, 1, 1)
    shapes |= _weight_and_bias("b4.conv", (last, last + 1, 3, 3))
    shapes |= _weight_and_bias("b4.fc", (last, 16 * last))
    if not sizes.classes:
        return shapes | _weight_and_bias("b4.out", (1, last))
    shapes |= _mapping_shapes(last, last, sizes.label_layers, sizes.classes)
    return shapes | _weight_and_bias("b4.out", (last, last))


def _mapping_shapes(
    inputs: int, dim: int, layers: int, classes: int
) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for layer in range(layers):
        shape = (dim, dim if layer else inputs)
        shapes |= _weight_and_bias(f"mapping.fc{layer}", shape)
    if classes:
        shapes |= _weight_and_bias("mapping.embed", (dim, classes))
    return shapes


def _weight_and_bias(layer: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{layer}.weight": shape, f"{layer}.bias": shape[:1]}


def generator_params(saved: Mapping[str, np.ndarray]) -> dict:
    """Converts a generator's arrays to {"mapping": ..., "synthesis": ...}."""
    mapping, synthesis = {}, {}
    for name, value in saved.items():
        network, *path, variable = name.split(".")
        if network == "mapping" and path:
            mapping.setdefault(_mapping_layer(path[0]), {})[variable] = _array(value)
        elif variable == "const":
            synthesis[variable] = _array(value.transpose(1, 2, 0))
        elif variable in ("weight", "bias", "noise_strength"):
            block, layer, *subgroup = path
            our_layer = f"{block}_{layer}".replace("torgb", "image")
            target = synthesis.setdefault(our_layer, {})
            (target.setdefault("affine", {}) if subgroup else target)[variable] = (
                _array(value)
            )
    return {"mapping": mapping, "synthesis": synthesis}


def stored_noise(saved: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Returns a generator's fixed noise maps, [1, r, r, 1] each, by layer."""
    names = [name for name in saved if name.endswith("noise_const")]
    names.sort(key=lambda name: (int(name.split(".")[1][1:]), name))
    return [saved[name][None, :, :, None] for name in names]


def discriminator_params(saved: Mapping[str, np.ndarray]) -> dict:
    """Converts a discriminator's arrays to our parameters."""
    params = {}
    for name, value in saved.items():
        block, layer, variable = (name.split(".") + [""])[:3]
        if variable not in ("weight", "bias"):
            continue
        if block == "mapping":
            our_layer = _mapping_layer(layer)
            target = params.setdefault("mapping", {}).setdefault(our_layer, {})
        elif layer == "fromrgb":
            target = params.setdefault("from_image", {})
        elif block == "b4":
            our_layer = {"conv": "last_conv", "fc": "first_dense", "out": "logit"}[
                layer
            ]
            target = params.setdefault(our_layer, {})
        else:
            target = params.setdefault(f"blocks_{block}", {}).setdefault(layer, {})
        if (layer, variable) == ("fc", "weight"):
            value = _flattened_channels_last(value)
        target[variable] = _array(value)
    return params


def _mapping_layer(name: str) -> str:
    """Returns our name of a mapping network's layer: dense0 for fc0."""
    return name.replace("fc", "dense")


def _array(value: np.ndarray) -> np.ndarray:
    """Transposes [out, in, kh, kw] to [kh, kw, in, out], [out, in] to [in, out]."""
    value = np.asarray(value, np.float32)
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T if value.ndim == 2 else value


def _flattened_channels_last(weight: np.ndarray) -> np.ndarray:
    """Reorders [out, C*H*W] to [out, H*W*C]: the dense layer reads a 4x4 map."""
    out, inputs = weight.shape
    side = math.isqrt(16)
    maps = weight.reshape(out, inputs // 16, side, side)
    return maps.transpose(0, 2, 3, 1).reshape(out, inputs)
