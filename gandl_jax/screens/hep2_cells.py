"""HEp-2 cells, by the staining pattern of antibodies: six patterns.

Cells of 78 x 78 pixels, one fluorescence channel, of the training part of the ICPR 2014
contest I3A. A specimen is a patient's serum: its cells have one pattern.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.recipe_parts import Rule

SCREEN = Screen(
    name="hep2_cells",
    channels=("antibody",),
    file="{file}",
    key=("id",),
    columns={"Metadata_Class": "class", "Metadata_Specimen": "specimen_est"},
    parts=Rule(label="Metadata_Class", group="Metadata_Specimen"),
    source=(
        "the ICPR 2014 contest I3A, task 1 (https://i3a2014.unisa.it), a row per cell "
        "with the columns file, id, class and specimen_est"
    ),
    limits=(
        "Specimens are estimated, from jumps of image statistics along the cells' "
        "numbers: where a boundary is off, cells of one specimen lie on both sides. "
        "The source stretched each cell's contrast, so nothing is shown of brightness, "
        "and all is of one laboratory."
    ),
)
