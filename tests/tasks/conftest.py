"""A made-up screen of control wells."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def control_wells():
    """Makes metadata: `control_wells(plates=3, wells=10, sites=4, models=("M",))`.

    Of each plate's wells every other one is of response 1.
    """

    def make(plates=3, wells=10, sites=4, models=("M",)):
        rows = [
            (
                model,
                str(plate),
                f"{'ABCDEFGH'[well % 8]}{well // 8 + 1:02d}",
                site,
                well,
            )
            for model in models
            for plate in range(plates)
            for well in range(wells)
            for site in range(sites)
        ]
        model, plate, name, site, well = zip(*rows, strict=True)
        metadata = pd.DataFrame(
            {
                "Metadata_Cell_Type": model,
                "Metadata_Experiment": [f"{m}-1" for m in model],
                "Metadata_Plate": plate,
                "Metadata_Well": name,
                "Metadata_Site": [str(s) for s in site],
                "Metadata_Treatment": "",
                "Metadata_Concentration_uM": np.nan,
                "Metadata_Role": [f"response_{(w // 8 + w) % 2}" for w in well],
            }
        )
        columns = ["Experiment", "Plate", "Well", "Site"]
        parts = [metadata[f"Metadata_{c}"] for c in columns]
        metadata["Metadata_Site_ID"] = ["_".join(p) for p in zip(*parts, strict=True)]
        return metadata

    return make
