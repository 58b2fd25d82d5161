"""Human T cells, activated or quiescent, by their autofluorescence.

Crops padded to 64 x 64 pixels, one channel (NAD(P)H), of four donors; Wang et al. 2020.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.recipe_parts import Rule

SCREEN = Screen(
    name="tcell_activation",
    channels=("nadph",),
    file="{file}",
    key=("file",),
    columns={
        "Metadata_Class": "class",
        "Metadata_Donor": "donor",
        "Metadata_Subset": "subset",
        "Metadata_Field": "field",
    },
    parts=Rule(label="Metadata_Class", group="Metadata_Donor"),
    source=(
        "Wang et al. 2020 (https://github.com/gitter-lab/t-cell-classification), a row "
        "per cell with the columns file, class, donor, subset and field"
    ),
    limits=(
        "There are four donors, one of them for choosing: intervals over donors say "
        "little of other people. A field holds cells of one class, and activated cells "
        "are larger, so how a dish was imaged, or size alone, may tell them apart."
    ),
)
