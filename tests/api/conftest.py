"""Raw images of the demo's records in memory, as a user would read them."""

import numpy as np
import pytest
from PIL import Image

from gandl_jax.prepared import prepared
from gandl_jax.screens.simulated import SCREEN


@pytest.fixture(scope="session")
def raw_images(trained, smoke_screen):
    """Function of rows of the prepared demo to [n, H, W, C] uint8."""

    def read(rows):
        table = prepared.read_source_table(
            prepared.open_prepared(str(smoke_screen.prepared))
        )
        return np.stack([_site(smoke_screen.source, table.iloc[row]) for row in rows])

    return read


def _site(source, row):
    planes = [np.array(Image.open(source / path)) for path in SCREEN.image_paths(row)]
    return np.stack(planes, -1)
