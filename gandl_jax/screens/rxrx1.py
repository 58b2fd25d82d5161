"""RxRx1: 1,138 siRNAs in four cell types (Recursion, 2019; CC BY-NC-SA 4.0).

125,510 sites of 512 x 512 pixels in 51 experiments, six channels, one 8-bit PNG each,
two sites a well. Every plate has untreated wells (`negative_control`) and 30 control
siRNAs (`positive_control`): each of these acts in its own way, so they are treated
wells here, and there is no wanted state. Without `mito` the channels are RxRx19a's.
"""

from gandl_jax.raw.screen import Screen

COLUMNS = {
    "Metadata_Site_ID": "site_id",
    "Metadata_Experiment": "experiment",
    "Metadata_Plate": "plate",
    "Metadata_Well": "well",
    "Metadata_Site": "site",
    "Metadata_Cell_Type": "cell_type",
    "Metadata_Condition": "well_type",
    "Metadata_Treatment": "sirna",
    "Metadata_SiRNA": "sirna",  # of treatments only: 1,108, without the 30 controls
    "Metadata_Split": "dataset",
}

SCREEN = Screen(
    name="rxrx1",
    # Hoechst, concanavalin A, phalloidin, Syto14, MitoTracker, wheat germ agglutinin
    channels=("nuclei", "er", "actin", "rna", "mito", "golgi"),
    file="images/{experiment}/Plate{plate}/{well}_s{site}_w{channel}.png",
    key=("site_id",),
    columns=COLUMNS,
    response_0={"well_type": ("negative_control",)},
    treated={"well_type": ("treatment", "positive_control")},
    known_where={"Metadata_SiRNA": {"well_type": ("treatment",)}},
)
