"""Backbones of our own for any method, made from a config."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from gandl_jax import parallel
from gandl_jax.methods.plain_backbone_options import MORPHOLOGY, SMALL, VIT
from gandl_jax.models import morphology_cnn, small_cnn, vit

Maps = dict[str, Array]


class Plain(NamedTuple):
    """A network, with functions of its maps.

    Attributes:
      net: module of images [B, N, N, C] in [-1, 1] to maps by name, in order.
      width: of its features.
      pooled: maps to features [B, width] float32.
      sets: maps to {feature set: [B, D]}.
      with_channels: (parameters, sources) to those for images of other channels.
    """

    net: Any
    width: int
    pooled: Callable[[Maps], Array]
    sets: Callable[[Maps], dict[str, Array]]
    with_channels: Callable[[dict, Sequence[int | None]], dict]


def make(config, side: int) -> Plain:
    """Makes the network of `config.model.backbone`.

    Args:
      config: of the experiment.
      side: of the images that it sees, in pixels.
    """
    return {SMALL: _small, MORPHOLOGY: _morphology, VIT: _vit}[config.model.backbone](
        config.model, side
    )


def _small(model, side: int) -> Plain:
    widths = small_cnn.widths(model.width, model.width_max, model.blocks)
    dtype = parallel.compute_dtype(model.dtype)

    def with_channels(encoder: dict, sources: Sequence[int | None]) -> dict:
        return small_cnn.with_channels({"encoder": encoder}, sources)["encoder"]

    return Plain(
        net=small_cnn.Encoder(widths, dtype, side),
        width=widths[-1],
        pooled=lambda maps: maps[next(reversed(maps))].mean((1, 2)),
        sets=small_cnn.pooled,
        with_channels=with_channels,
    )


def _morphology(model, side: int) -> Plain:
    return Plain(
        net=morphology_cnn.Encoder(parallel.compute_dtype(model.dtype)),
        width=morphology_cnn.WIDTHS[-1] * (side // 4) ** 2,
        pooled=morphology_cnn.code,
        sets=lambda maps: {"code": morphology_cnn.code(maps)},
        with_channels=morphology_cnn.encoder_with_channels,
    )


def _vit(model, side: int) -> Plain:
    return Plain(
        net=vit.VisionTransformer(
            model.patch_px,
            model.vit_width,
            model.vit_depth,
            model.vit_heads,
            grid=side // model.patch_px,
            class_token=True,
            dtype=parallel.compute_dtype(model.dtype),
        ),
        width=model.vit_width,
        pooled=lambda maps: maps["tokens"][:, 0],
        sets=_token_sets,
        with_channels=functools.partial(vit.with_channels, patch_px=model.patch_px),
    )


def _token_sets(maps: Maps) -> dict[str, Array]:
    """Returns {"tokens": means of the last block's, "blocks": all class tokens}."""
    class_tokens = [tokens[:, 0] for name, tokens in maps.items() if name != "tokens"]
    return {
        "tokens": maps["tokens"][:, 1:].mean(1),
        "blocks": jnp.concatenate(class_tokens, -1),
    }
