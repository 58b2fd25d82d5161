"""BBBC013: Wortmannin keeps FKHR-GFP in the nucleus of human U2OS cells.

Image set BBBC013v1 (I. Ravkin; Broad Bioimage Benchmark Collection, Ljosa et al.
2012), CC BY 3.0, laid out like RxRx19a. Sites of 640 x 640 pixels, two channels.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.screens.rxrx19a import COLUMNS

SCREEN = Screen(
    name="bbbc013",
    channels=("fkhr_gfp", "dna"),
    file="images/{experiment}/Plate{plate}/{well}_s{site}_w{channel}.png",
    key=("site_id",),
    columns=COLUMNS,
    response_0={"disease_condition": ("negative_control",)},
    response_1={"disease_condition": ("positive_control",)},
    treated={"disease_condition": ("treated",)},
)
