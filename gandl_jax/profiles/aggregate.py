"""Averages the sites of each well: well profiles."""

import numpy as np
import pandas as pd
from scipy import sparse

from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet

BLOCK = 4096  # groups that are averaged at a time
_OF_SITES = ("Metadata_Site_ID", "Metadata_Site", "Metadata_Cell")


def group_means(
    values: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Averages the rows of each group.

    Args:
      values: [N, D] float.
      groups: [N] the group of each row.

    Returns:
      The K groups in sorted order, and [K, D] float64 means.
    """
    names, member = np.unique(groups, return_inverse=True)
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(len(names) + 1))
    sums = np.empty((len(names), values.shape[1]))
    for first in range(0, len(names), BLOCK):  # not all rows twice in memory
        ends = starts[first : first + BLOCK + 1]
        rows = values[order[ends[0] : ends[-1]]]
        ones, columns = np.ones(len(rows)), np.arange(len(rows))
        sum_rows = sparse.csr_matrix((ones, columns, ends - ends[0]))
        sums[first : first + BLOCK] = sum_rows @ rows
    return names, sums / np.bincount(member)[:, None]


def well_means(sites: FeatureSet) -> FeatureSet:
    """Averages the sites of each well.

    Args:
      sites: a set of sites.

    Returns:
      A set of wells in sorted order, with the metadata of each well's first site except
      the columns that tell sites apart; a well's name is its record's.
    """
    wells = table.wells(sites.metadata)
    names, means = group_means(sites.features, wells)
    first = pd.Index(wells).duplicated()
    metadata = sites.metadata[~first].set_axis(wells[~first]).loc[names]
    metadata = metadata.drop(columns=list(_OF_SITES), errors="ignore")
    return FeatureSet(
        sites.name,
        metadata.reset_index(drop=True).assign(Metadata_Record_ID=names),
        means.astype(np.float32),
        sites.seen.of_groups(wells),
    )
