"""A simulated RxRx1 whose treatments alter every channel by a known amount.

It has RxRx1's form, with one cell type (U2OS): experiments, plates, EMPTY wells as
controls and six channels; `dataset` is `test` for the last third of the experiments.
Each channel has its own change, of texture, shape or spread (`CHANGES`), which the
other channels do not show. A treatment makes all six, with `AMOUNTS` that are dealt to
the channels for each treatment: three strong ones, three weak ones. All channels are
the strongest of equally many treatments, up to one. The truth is in
`truth_channels.csv` beside the images: treatment, channel, truth (the amount).

Levels reveal nothing: every site's channels have the mean and the standard deviation of
the same site untreated (`simulated/levelled.py`). Wells differ in density, brightness,
blur and six latent traits, plates and experiments as in `simulated_rxrx1.py`.

Difficulty: it was fixed before any network was trained, and must never be changed to
move a score. An amount of 1 is four standard deviations between treated and untreated
sites of 128 px, along the best direction of 22 hand-made numbers of one channel's
texture (log deviation, skewness and log kurtosis of four bands, clumping of three,
coherence of gradients at two scales, four products of bands; levels taken out). Each
mechanism's strength for an amount is a power law fitted to three strengths, 100 sites
each; measured again, with other sites:

  amount   nuclei   er     actin   rna    mito   golgi
  1        4.25     3.99   3.67    3.50   4.42   4.31
  .6       3.01     2.32   1.99    2.56   2.07   2.69
  .4       2.03     1.01   1.32    1.83   1.21   0.99
  .1       0.63     0.27   0.46    0.37   0.24   0.41

(known to about .3). From intensities (mean and deviation of each channel) a linear SVM
does no better than guessing.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.screens import simulated_rxrx1
from gandl_jax.screens.simulated_rxrx1 import EMPTY, MECHANISMS, NEGATIVE, TREATMENT
from gandl_jax.simulated import drawing, levelled

SIMULATE = {}  # no keys in config.simulate
SMOKE = {
    "experiments_per_cell_model": 2,
    "plates_per_experiment": 1,
    "sites_per_well": 1,
    "size_px": 48,
    "replicates": 3,
    "sirnas": 2,
    "negative_wells": 6,
}
LOWEST = simulated_rxrx1.LOWEST | {"sirnas": 1}
LOWEST.pop("positive_sirnas")
OPTIONS = tuple(name for name in LOWEST if name != "workers")  # images depend on these
CELL_TYPE = "U2OS"
CHANGES = {  # {channel: (its mechanism, the strength of an amount of 1, the power)}
    "nuclei": ("chromatin_speckles", 0.40, 0.57),
    "er": ("er_collapse", 0.98, 1.54),
    "actin": ("actin_cortex", 0.98, 0.81),
    "rna": ("rna_granules", 1.00, 0.61),
    "mito": ("mito_fragments", 0.216, 0.83),
    "golgi": ("endosome_swelling", 2.34, 1.59),
}
UNUSED = {"mechanism": "", "strength": 0.0, "toxicity": 0.0}  # of simulated_rxrx1
AMOUNTS = (1.0, 0.6, 0.4, 0.1, 0.05, 0.02)


def generate(source_dir: str, options: Mapping) -> None:
    """Draws the screen: images/, metadata.csv, truth_channels.csv, truth_wells.csv.

    Images depend on all options but `workers`. metadata.csv is written last: without it
    the screen is not finished, and the same call draws what is missing.

    Args:
      source_dir: the folder of the raw screen; made if needed.
      options: `config.simulate`.

    Raises:
      InputError: an option is out of range, there are more wells than a plate has, or
        the folder holds another screen.
    """
    drawing.check(options, LOWEST)
    folder = epath.Path(source_dir)
    truth = channels(options)
    wells = simulated_rxrx1.wells(options, sirnas(truth))
    if drawing.claim(folder, options, OPTIONS):
        return
    drawing.write_csv(folder / "truth_channels.csv", truth)
    well_truth = wells.drop(columns=["mechanism", "mechanism_strength", "toxicity"])
    drawing.write_csv(folder / "truth_wells.csv", well_truth)
    sites = drawing.sites(
        folder,
        SCREEN,
        wells.assign(infection=0.0),
        options,
        models={CELL_TYPE: simulated_rxrx1.CELL_MODELS[CELL_TYPE]},
        mechanisms=MECHANISMS,
    )
    owners = wells["sirna"].repeat(options["sites_per_well"])
    strengths = _strengths(truth)
    altered = [
        _altered(site, strengths[sirna])
        for site, sirna in zip(sites, owners, strict=True)
    ]
    drawing.draw_all(altered, options["workers"], levelled.draw)
    table = simulated_rxrx1.metadata(wells, options["sites_per_well"])
    drawing.write_csv(folder / "metadata.csv", table)


def channels(options: Mapping) -> pd.DataFrame:
    """Deals the amounts to the channels of every treatment.

    Args:
      options: `seed`, and the number of treatments, `sirnas`.

    Returns:
      One row per treatment and channel: treatment, channel, truth (the amount).
    """
    rng = np.random.default_rng([options["seed"], 31])
    names = list(CHANGES)
    first = rng.permutation(len(names))
    rows = []
    for number in range(options["sirnas"]):
        strongest = names[first[number % len(names)]]
        others = rng.permutation([name for name in names if name != strongest])
        dealt = dict(zip([strongest, *others], AMOUNTS, strict=True))
        for name in names:
            row = {"treatment": f"siRNA-{number + 1:04d}", "channel": name}
            rows.append(row | {"truth": dealt[name]})
    return pd.DataFrame(rows)


def sirnas(truth: pd.DataFrame) -> pd.DataFrame:
    """Table of the treatments and EMPTY, as `simulated_rxrx1.wells` takes it.

    Args:
      truth: as from `channels`.
    """
    names = list(dict.fromkeys(truth["treatment"]))
    well_types = [TREATMENT] * len(names) + [NEGATIVE]
    table = pd.DataFrame({"sirna": [*names, EMPTY], "well_type": well_types})
    table.insert(1, "sirna_id", range(len(table)))
    return table.assign(cell_type=CELL_TYPE, **UNUSED)


def _strengths(truth: pd.DataFrame) -> dict[str, np.ndarray]:
    """Returns {treatment or EMPTY: [M] strengths of MECHANISMS}."""
    strengths = {
        name: np.zeros(len(MECHANISMS)) for name in (*truth["treatment"], EMPTY)
    }
    for treatment, channel, amount in truth.itertuples(index=False):
        mechanism, strength, power = CHANGES[channel]
        strengths[treatment][MECHANISMS.index(mechanism)] = strength * amount**power
    return strengths


def _altered(site: drawing.Site, strengths: np.ndarray) -> drawing.Site:
    traits = dataclasses.replace(site.traits, mechanism=strengths)
    return dataclasses.replace(site, traits=traits)


SCREEN = dataclasses.replace(
    simulated_rxrx1.SCREEN,
    name="simulated_channels",
    generate=generate,
    options=OPTIONS,
)
