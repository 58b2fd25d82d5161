"""BBBC013: FKHR-GFP moves into the nucleus under Wortmannin; one plate, 2 channels.

Source: https://bbbc.broadinstitute.org/BBBC013 (CC BY 3.0), laid out as RxRx19a is.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text, smoke=False)
    config = configs.default()
    config.data.update(
        name="bbbc013", source_dir="data/raw/bbbc013", dir="data/bbbc013", crop_px=64
    )
    config.data.records_per_shard = 12
    config.model.update(
        channel_base=1024, channel_max=128, latent_dim=128, mapping_layers=3
    )
    # ADA's rule 0.0002 * size^2 / batch gives .05, too weak for few images (ours).
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
