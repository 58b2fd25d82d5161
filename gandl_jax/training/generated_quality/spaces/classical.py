"""Space of CellProfiler's measurements of whole images.

Nuclei are not segmented: a generator that draws none could not be compared.
"""

import numpy as np

from gandl_jax.methods.fixed_features import ALL
from gandl_jax.training import classical_needs

SEES = "CellProfiler's measurements"
MOST = 250  # each takes as long as a thousand images in other spaces (ours)
NUCLEI = ""  # no channel of them


def missing() -> str:
    """Names what must be installed; "" if nothing."""
    if classical_needs.are_installed():
        return ""
    return f"the space classical needs cp-measure: {classical_needs.INSTALL}"


def version() -> str:
    """Names the library's version."""
    from gandl_jax.classical import measurements  # an optional library

    return f"cp-measure {measurements.version()}"


def open_space(channels: tuple[str, ...], px: int):
    """Opens the space; see `spaces`."""
    from gandl_jax.classical import measurements  # an optional library

    del px
    names = measurements.columns(channels, NUCLEI)
    columns = {ALL: np.arange(len(names))}
    if len(channels) > 1:
        for number, channel in enumerate(channels):
            alone = set(measurements.columns((channel,), NUCLEI))
            chosen = [column for column, name in enumerate(names) if name in alone]
            columns[number] = np.array(chosen)

    def features(images: np.ndarray) -> dict[int, np.ndarray]:
        levels = (np.asarray(images, np.float64).clip(-1, 1) + 1) / 2
        rows = [measurements.measure(image, channels, NUCLEI) for image in levels]
        values = np.stack(rows)
        return {key: values[:, chosen] for key, chosen in columns.items()}

    return features
