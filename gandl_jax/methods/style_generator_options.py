"""Sizes of StyleGAN2's generator in a config; imports nothing slow."""

from gandl_jax.errors import InputError, known
from gandl_jax.methods.option_checks import whole_side

MODEL = {
    "channel_base": 32768,  # channels at r px: min(base / r, max)
    "channel_max": 512,
    "latent_dim": 512,
    "mapping_layers": 8,
    # Rematerialise: or "blocks", which are recomputed in the backward pass, for memory.
    "remat": "none",
    # Form of up- and downsampling: the fastest on "cpu", "gpu" or "tpu"
    # (models/stylegan2/costs.py), or one form for all layers.
    "resampling": "auto",
}
SIZES = ("channel_base", "channel_max", "latent_dim", "mapping_layers")
ARCHITECTURE = tuple(f"model.{key}" for key in SIZES)
FREE = ("model.remat", "model.resampling")
LOWEST = dict.fromkeys(ARCHITECTURE, 1)
RESAMPLING = ("auto", "cpu", "gpu", "tpu", "folded", "strided", "strided_sums")


def small(model) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    model.update(channel_base=1024, channel_max=128, latent_dim=128, mapping_layers=3)


def check(config) -> None:
    """Refuses sides and widths that the generator cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    model, (px, key, set_by) = config.model, whole_side(config)
    known("model.resampling", model.resampling, RESAMPLING)
    known("model.remat", model.remat, ("none", "blocks"))
    if px & (px - 1):
        below = 2 ** (px.bit_length() - 1)
        raise InputError(
            f"config.{key}={px} should be 4 times a power of two for this network: "
            f"{below} or {2 * below}, say; or keep the crop and scale it, as in "
            f"--config.{set_by}={below}"
        )
    if model.channel_base < px:
        raise InputError(
            f"config.model.channel_base={model.channel_base} leaves no channel at "
            f"{px} px: make it {px} or more"
        )
