"""BBBC021, single cells: cycloheximide against DMSO on human MCF-7 cells.

Crops of 68 x 68 pixels of image set BBBC021v1 (Caie et al. 2010), one 16-bit TIFF of
three pages each, many of one site. Which of the last two stains is actin and which is
tubulin is not settled. A condition has one well a plate, always in the same place.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.screens.rxrx19a import COLUMNS

SCREEN = Screen(
    name="bbbc021_cells",
    channels=("dna", "stain_1", "stain_2"),
    file="{file}",
    key=("site_id", "cell"),
    columns=COLUMNS | {"Metadata_Mechanism": "moa", "Metadata_Cell": "cell"},
    response_0={"disease_condition": ("negative_control",)},
    treated={"disease_condition": ("treated",)},
)
