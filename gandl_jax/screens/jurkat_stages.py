"""Jurkat cells in flow, by the phase of the cell cycle: seven in order.

Crops of 40 x 40 pixels, one 16-bit TIFF of three pages each, of an imaging flow
cytometer (Blasi et al. 2016). A montage is a file in which the source laid out cells.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.recipe_parts import Rule

SCREEN = Screen(
    name="jurkat_stages",
    channels=("brightfield", "dna", "side_scatter"),
    file="{file}",
    key=("file",),
    columns={
        "Metadata_Class": "class",
        "Metadata_Stage": "stage",
        "Metadata_Montage": "montage",
    },
    parts=Rule(label="Metadata_Class"),
    source=(
        "Blasi et al. 2016 (doi 10.1038/ncomms10256), a row per cell with the columns "
        "file, class, stage and montage"
    ),
    limits=(
        "All cells are of one run and each phase lies in one montage, so no groups can "
        "be left out: cells are held apart one by one, and all scores flatter. The "
        "source told G1, S and G2 from DNA content, which is a channel here; anaphase "
        "has 11 cells."
    ),
)
