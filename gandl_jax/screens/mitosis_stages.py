"""Nuclei followed through mitosis: seven stages in order, and apoptosis.

Crops of 64 x 64 pixels, one TIFF of two pages each, of CellCognition's demonstration
data (Held et al. 2010). A track is a cell that was followed.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.recipe_parts import Rule

SCREEN = Screen(
    name="mitosis_stages",
    channels=("chromatin", "tubulin"),
    file="{file}",
    key=("file",),
    columns={
        "Metadata_Class": "class",
        "Metadata_Stage": "stage",
        "Metadata_Position": "position",
        "Metadata_Frame": "frame",
        "Metadata_Track": "track_est",
    },
    parts=Rule(label="Metadata_Class", group="Metadata_Track"),
    source=(
        "CellCognition's demonstration data (Held et al. 2010; "
        "https://cellcognition-project.org), a row per nucleus with the columns file, "
        "class, stage, position, frame and track_est"
    ),
    limits=(
        "All stages of mitosis are of one position and apoptosis is of two others: "
        "apoptosis may be told by the position, and nothing is shown of another film. "
        "Tracks are estimated (same position, within 3 frames and 15 px), so one cell "
        "may lie on both sides, which flatters."
    ),
)
