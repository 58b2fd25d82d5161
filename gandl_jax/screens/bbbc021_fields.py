"""BBBC021, fields: compounds of six mechanisms on human MCF-7 cells.

Image set BBBC021v1 (Caie et al. 2010; Broad Bioimage Benchmark Collection, Ljosa et
al. 2012) as 8-bit RGB pictures of 256 x 256 pixels, one a site, each stretched by
itself. No controls. A plate holds few mechanisms: it alone predicts most of them.
"""

from gandl_jax.raw.screen import Screen
from gandl_jax.screens.rxrx19a import COLUMNS

SCREEN = Screen(
    name="bbbc021_fields",
    channels=("actin", "tubulin", "dna"),
    file="{file}",
    key=("site_id",),
    columns=COLUMNS | {"Metadata_Mechanism": "moa"},
)
