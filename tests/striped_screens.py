"""Raw screens of three channels in which stripes of one tell the treatment."""

import numpy as np
import pandas as pd
from PIL import Image

from gandl_jax import config_files

SIDE, WELLS, PLATES = 16, 12, ("p1", "p2", "p3")
CHANNELS = ("dna", "actin", "rna")
TREATMENTS = ("control", "drug", "toxin")
STEPS = 4  # of trainings


def write_screen(folder, planes):
    """Writes a raw screen; `planes(rng, treatment)` gives [H, W, 3] levels."""
    rows, rng = [], np.random.default_rng(0)
    for plate in PLATES:
        for well in range(WELLS):
            name = f"{plate}_A{well + 1:02}"
            treatment = TREATMENTS[well % 3]
            rows.append({"site_id": name, "plate": plate, "well": f"A{well + 1:02}",
                         "compound": treatment})  # fmt: skip
            image = planes(rng, treatment).clip(0, 255).astype(np.uint8)
            for number, plane in enumerate(np.moveaxis(image, -1, 0)):
                Image.fromarray(plane).save(folder / f"{name}_{number + 1}.png")
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)


def lines_of_treatment(rng, treatment):
    """Stripes in dna as wide as the treatment says; noise in the other channels."""
    width = 1 << TREATMENTS.index(treatment)
    stripes = (np.arange(SIDE) // width % 2 * 200.0)[:, None]
    dna = np.broadcast_to(stripes, (SIDE, SIDE)) + rng.integers(0, 30, (SIDE, SIDE))
    return np.stack([dna, *rng.integers(0, 250, (2, SIDE, SIDE))], -1)


def config_of(folder, method="classifier"):
    """The config of a screen in `folder`, whose plate p3 is held out."""
    config = config_files.load(f"configs/my_screen.py:method={method}")
    config.data.update(source_dir=str(folder / "raw"), dir=str(folder / "prepared"))
    config.data.update(crop_px=SIDE, label="Treatment", records_per_shard=16)
    config.screen.update(file="{site_id}_{channel}.png", channels=CHANNELS)
    config.screen.update(channel_codes=(), response_0="compound=control")
    config.screen.response_1 = ""
    config.screen.columns.update(site="", cell_type="", concentration_um="")
    config.train.update(hold_out="plate:p3", batch=8, total_images=8 * STEPS)
    config.evaluate.update(bootstrap_draws=200)
    config.embed.batch = 16
    config.channel_importance.update(permutations=3)
    return config
