"""Nuclei of MitoCheck, by phenotype: sixteen, among them the stages of mitosis.

Crops of 64 x 64 pixels, one channel (H2B in HeLa cells), of a genome-wide live-cell
siRNA screen (Neumann et al. 2010), CC BY 4.0. A spot is a plate's well.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.recipe_parts import Rule

SCREEN = Screen(
    name="mitocheck_nuclei",
    channels=("h2b",),
    file="{file}",
    key=("file",),
    columns={
        "Metadata_Class": "class",
        "Metadata_Stage": "stage",
        "Metadata_Plate": "plate",
        "Metadata_Spot": "group",
        "Metadata_Frame": "frame",
    },
    parts=Rule(label="Metadata_Class", group="Metadata_Plate"),
    source=(
        "MitoCheck (Neumann et al. 2010; https://idr.openmicroscopy.org, idr0013), a "
        "row per nucleus with the columns file, class, stage, plate, group (plate and "
        "well) and frame"
    ),
    limits=(
        "Nuclei were picked by hand as clear examples: nothing is shown of how often a "
        "phenotype is, or of doubtful nuclei. Nine in ten of ADCCM and of Grape are of "
        "one plate, so their scores are of that plate and few cells beside it."
    ),
)
