"""RxRx1: 1,138 siRNAs in four cell types, 512 px sites, six channels.

`rxrx1.py:five` leaves out the mitochondria: what is left are RxRx19a's channels, so
that a network trained there can embed these images. `method=classifier,recipe=dcmix`
asks which channel tells its 1,108 treatments apart (docs/channels.md).
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text, five=False)
    config = configs.default(options["method"])
    config.data.update(
        name="rxrx1",
        source_dir="data/raw/rxrx1",
        dir="data/rxrx1",
        crop_px=256,  # as configs/rxrx19a.py
        records_per_shard=256,
    )
    if options["five"]:
        config.data.channels = ("nuclei", "er", "actin", "rna", "golgi")
    configs.tune(config, "gan", {"model.mapping_layers": 3})  # as configs/rxrx19a.py
    configs.tune(config, "classifier", {"data.label": "Treatment"})  # the siRNA
    if options["recipe"] == "baseline":  # Cuccarese et al. 2020 (docs/methods.md)
        config.data.crop_px = 512
        configs.tune(config, "classifier", {"method.arcface_warmup_images": 100_000})
    if options["recipe"] == "dcmix":
        networks = {"model.backbone": "resnet50", "model.penultimate_dim": 0}
        configs.tune(config, "classifier", {"data.label": "SiRNA", **networks})
        config.train.hold_out = "given"
    config.embed.batch = 128
    # The publisher's own split leaves whole experiments out.
    cells = config.evaluate.cell_model_classification
    cells.splits = ("record", "experiment", "given")
    return configs.finish(config, options)
