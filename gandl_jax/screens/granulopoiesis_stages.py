"""White blood cells maturing to neutrophils: five stages in order.

RGB crops of 64 x 64 pixels, May-Gruenwald-Giemsa stain in brightfield, of the PBC set
(Acevedo et al. 2020). No patient and no slide is recorded.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.recipe_parts import Rule

SCREEN = Screen(
    name="granulopoiesis_stages",
    channels=("red", "green", "blue"),
    file="{file}",
    key=("file",),
    columns={"Metadata_Class": "class", "Metadata_Stage": "stage"},
    parts=Rule(label="Metadata_Class"),
    source=(
        "the PBC set (Acevedo et al. 2020, doi 10.1016/j.dib.2020.105474), a row per "
        "cell with the columns file, class and stage"
    ),
    limits=(
        "No patient or slide is recorded, so cells are held apart one by one and those "
        "of one smear lie on both sides: all scores flatter, and nothing is shown of "
        "another patient, stain or hospital."
    ),
)
