"""Nuclei in mitosis, 64 px, two channels: stages and apoptosis, tracks left out.

Source: https://cellcognition-project.org, demonstration data (licence not verified).
For choosing: a third of the estimated tracks, of those of each stage too, the rarest
first. For reporting: the others.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    config = configs.augmented(configs.small(configs.default(options["method"])))
    configs.labelled_cells(config, "mitosis_stages", side_px=64, group="track")
    config.evaluate.nuclei = "chromatin"
    config.evaluate.staged_classification.update(
        order="apo | inter > pro > prometa > meta > earlyana > lateana > telo",
        group="track",
        time="frame",
        absorbing=("apo",),
        returns=("telo>inter",),
    )
    return configs.finish(config, options)
