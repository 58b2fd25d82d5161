"""The demo: a simulated screen, a small network, a quarter of an hour on 2 cores."""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text, smoke=False)
    config = configs.default()
    config.data.update(
        name="simulated",
        source_dir="data/raw/simulated",
        dir="data/simulated",
        crop_px=64,
    )
    config.model.update(
        channel_base=1024, channel_max=128, latent_dim=128, mapping_layers=3
    )
    # ADA's rule 0.0002 * 64^2 / 16 gives .05, too weak for few images (ours).
    config.method.r1_weight = 1.0
    config.train.update(
        batch=16,
        total_images=8_000,
        log_every_images=160,
        grid_every_images=4_000,
        checkpoint_every_images=2_000,
    )
    config.embed.batch = 64
    return configs.smoke(config) if options["smoke"] else config
