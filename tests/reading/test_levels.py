"""Images go back to the grey levels that they came from."""

import numpy as np
import pytest

from gandl_jax.reading import levels


@pytest.mark.parametrize("screen", ["tiny", "deep"])
@pytest.mark.parametrize("scaling", ["dataset", "plate"])
def test_unstretched_is_the_inverse_of_what_networks_see(screen, scaling, request):
    prepared, pixels = request.getfixturevalue(screen)
    network = levels.grey_levels(prepared, prepared.channels, scaling, "none")
    for record in range(prepared.records):
        site = pixels[prepared.table["Metadata_Site_ID"][record]]
        seen = network.stretch(np, site.astype(np.float64), record, 0, 0)
        ends = network.ranges[record]
        back = levels.unstretched(seen[None], ends[None], prepared.bit_depth)[0]
        inside = (site >= ends[0]) & (site <= ends[1])
        assert back.dtype == site.dtype and inside.mean() > 0.5
        np.testing.assert_array_equal(back[inside], site[inside])
        clipped = np.rint(np.clip(site, ends[0], ends[1]))
        np.testing.assert_array_equal(back, clipped)
