"""From sites to wells."""

import numpy as np
import pandas as pd

from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet


def group_means(
    values: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means of the rows that belong together.

    Args:
      values: [N, D] float.
      groups: [N] the group of each row.

    Returns:
      The K groups in sorted order, and [K, D] float64 means.
    """
    names, member = np.unique(groups, return_inverse=True)
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(len(names)))
    sums = np.add.reduceat(values[order], starts, axis=0, dtype=np.float64)
    return names, sums / np.bincount(member)[:, None]


def well_means(sites: FeatureSet) -> FeatureSet:
    """The mean profile of each well.

    Args:
      sites: a set of sites.

    Returns:
      A set of wells in sorted order, with the metadata of each well's first site.
    """
    wells = table.wells(sites.metadata)
    names, means = group_means(sites.features, wells)
    first = pd.Index(wells).duplicated()
    metadata = sites.metadata[~first].set_axis(wells[~first]).loc[names]
    return FeatureSet(
        sites.name,
        metadata.reset_index(drop=True),
        means.astype(np.float32),
        sites.saw_images,
    )
