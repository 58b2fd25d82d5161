"""RxRx19a: SARS-CoV-2 and 1,672 compounds (Recursion, 2020; CC BY 4.0).

305,520 sites of 1024 x 1024 pixels at 0.65 um, five channels, one 8-bit PNG each.
"""

from gandl_jax.raw.screen import Screen

COLUMNS = {
    "Metadata_Site_ID": "site_id",
    "Metadata_Experiment": "experiment",
    "Metadata_Plate": "plate",
    "Metadata_Well": "well",
    "Metadata_Site": "site",
    "Metadata_Cell_Type": "cell_type",
    "Metadata_Condition": "disease_condition",
    "Metadata_Treatment": "treatment",
    "Metadata_Concentration_uM": "treatment_conc",
    "Metadata_SMILES": "SMILES",
}

SCREEN = Screen(
    name="rxrx19a",
    # Hoechst, concanavalin A, phalloidin, Syto14, wheat germ agglutinin
    channels=("nuclei", "er", "actin", "rna", "golgi"),
    file="images/{experiment}/Plate{plate}/{well}_s{site}_w{channel}.png",
    key=("site_id",),
    columns=COLUMNS,
    response_0={"disease_condition": ("Active SARS-CoV-2",), "treatment": ("",)},
    response_1={"disease_condition": ("Mock",)},
    # UV-inactivated and blank conditions are neither a control nor a treated well.
    treated={"disease_condition": ("Active SARS-CoV-2",)},
)
