"""Single cells of the Human Protein Atlas (CC BY-SA), by location of a protein.

Crops of 128 x 128 pixels, one 8-bit TIFF of four pages each, cut from collages of nine
cells. There are no wells and no treatments: the location of the protein is the label.
It holds for the cell in rows that are `pure` (one location) and is blank in others.
"""

from gandl_jax.raw.screen import Screen

SCREEN = Screen(
    name="hpa_cells",
    channels=("microtubules", "protein", "nucleus", "er"),
    file="{file}",
    key=("row",),
    columns={
        "Metadata_Location": "classes",
        "Metadata_Collage": "collage",
    },
    known_where={"Metadata_Location": {"pure": ("1",)}},
)
