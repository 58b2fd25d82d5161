"""Red blood cells of malaria patients: with a parasite, or without.

Crops of 50 x 50 pixels, grey, of stained thin smears in brightfield, with the
background masked; NIH, Rajaraman et al. 2018.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.recipe_parts import Rule

SCREEN = Screen(
    name="malaria_cells",
    channels=("brightfield",),
    file="{file}",
    key=("file",),
    columns={
        "Metadata_Class": "class",
        "Metadata_Patient": "patient",
        "Metadata_Slide_Image": "slide_image",
    },
    parts=Rule(label="Metadata_Class", group="Metadata_Patient"),
    source=(
        "the NIH's malaria cell images (Rajaraman et al. 2018, doi 10.7717/peerj."
        "4568), a row per cell with the columns file, class, patient and slide_image"
    ),
    limits=(
        "Cells are cut out, grey and without their surroundings, of one hospital's "
        "smears, and as many have a parasite as have none: nothing is shown of finding "
        "rare parasites in a smear, of their colour, or of diagnosing a patient."
    ),
)
