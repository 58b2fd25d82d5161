"""GAN-DL on RxRx19a (Mascolini et al. 2022, arXiv 2107.07761).

The paper gives: StyleGAN2, 5 channels, a mapping network of 3 layers, style vectors of
512, 24 h on a TPU v3-8. It does not give image size, crop, batch, learning rate,
weight of R1, number of images, or the layer that is the embedding. Those are
StyleGAN2's defaults (Karras et al. 2020) or ours, as marked.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.default(options["method"])
    config.data.update(
        name="rxrx19a",
        source_dir="data/raw/rxrx19a",
        dir="data/rxrx19a",
        crop_px=256,  # ours: full-resolution sites of 1024 px, cropped
        records_per_shard=256,  # ours: about 380 MB a shard
    )
    gan = {
        "model.channel_base": 32768,  # StyleGAN2's large configuration; paper unknown
        "model.channel_max": 512,
        "model.latent_dim": 512,  # paper
        "model.mapping_layers": 3,  # paper
        # StyleGAN2's default; paper unknown. ADA's 0.0002 * 256^2 / 32 gives 0.41.
        "method.r1_weight": 10.0,
    }
    configs.tune(config, "gan", gan)
    config.train.update(
        batch=32,  # StyleGAN2; paper unknown
        total_images=10_000_000,  # ours: docs/speed.md has how long that takes
        log_every_images=3_200,
        grid_every_images=100_000,
        checkpoint_every_images=200_000,
    )
    config.embed.batch = 128
    if options["recipe"] == "baseline":  # Cuccarese et al. 2020 (docs/methods.md)
        config.data.update(crop_px=512, downscale=2, dir="data/rxrx19a-halved")
    uv = "UV Inactivated SARS-CoV-2"
    deemd = {  # Saberian et al. 2022: whole sites, 49 tiles of 256 px
        "data.label": "Role,Condition",
        "data.label_values": ("response_0", "response_1", uv),
        "method.healthy": ("response_1", uv),
        "data.crop_px": 1024,
        "train.batch": 8,  # ours: a site a core of a v3-8
        "train.total_images": 100_000,  # ours: about 5 times the control sites
        "embed.batch": 16,
        # Treated wells have nothing to teach, and are nine tenths of the screen.
        "train.hold_out": "role:treated",
    }
    configs.tune(config, "deemd", deemd)
    return configs.finish(config, options)
