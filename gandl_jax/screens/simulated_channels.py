"""A simulated RxRx1 whose treatments alter every channel by a known amount.

It has RxRx1's form, with one cell type (U2OS): experiments, plates, EMPTY wells as
controls and six channels; `dataset` is `test` for the last third of the experiments.
Each channel has a change of its own, of texture, shape or spread (`CHANGES`), which the
stain's other channels do not show. A treatment makes all six, by `AMOUNTS` that are
dealt to the channels anew for each: three strong ones, three weak ones. No channel is
the strongest of more treatments than another. That is the truth which
`truth_channels.csv` tells beside the images: treatment, channel, amount.

An amount is comparable from channel to channel: `CHANGES` has the strength of each that
is an amount of 1 (see *Difficulty*).

Levels tell nothing: every site's channels have the mean and the standard deviation that
the same site has untreated (`simulated/levelled.py`). Wells differ in density,
brightness, blur and six latent traits, plates and experiments as in
`simulated_rxrx1.py`.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.screens import simulated_rxrx1
from gandl_jax.screens.simulated_rxrx1 import EMPTY, MECHANISMS, NEGATIVE, TREATMENT
from gandl_jax.simulated import drawing, levelled

SIMULATE = {}  # no keys of its own in config.simulate
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
CHANGES = {  # channel to its mechanism, the strength of an amount of 1, and the power
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

    What is drawn depends on the options but not on `workers`. metadata.csv comes last:
    without it the screen is not finished, and the same call draws what is missing.

    Args:
      source_dir: the folder of the raw screen; made if need be.
      options: `config.simulate`.

    Raises:
      InputError: an option out of range, more wells than a plate has, or a folder
        that holds another screen.
    """
    drawing.check(options, LOWEST)
    folder = epath.Path(source_dir)
    truth = channels(options)
    wells = simulated_rxrx1.wells(options, sirnas(truth))
    if drawing.claim(folder, options, OPTIONS):
        return
    drawing.write_csv(folder / "truth_channels.csv", truth)
    told = wells.drop(columns=["mechanism", "mechanism_strength", "toxicity"])
    drawing.write_csv(folder / "truth_wells.csv", told)
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
    """The treatments and EMPTY, in the form that `simulated_rxrx1.wells` lays out.

    Args:
      truth: as from `channels`.
    """
    names = list(dict.fromkeys(truth["treatment"]))
    kinds = [TREATMENT] * len(names) + [NEGATIVE]
    table = pd.DataFrame({"sirna": [*names, EMPTY], "well_type": kinds})
    table.insert(1, "sirna_id", range(len(table)))
    return table.assign(cell_type=CELL_TYPE, **UNUSED)


def _strengths(truth: pd.DataFrame) -> dict[str, np.ndarray]:
    """Treatment, EMPTY too, to the strength of each of MECHANISMS: [M]."""
    made = {name: np.zeros(len(MECHANISMS)) for name in (*truth["treatment"], EMPTY)}
    for treatment, channel, amount in truth.itertuples(index=False):
        mechanism, strength, power = CHANGES[channel]
        made[treatment][MECHANISMS.index(mechanism)] = strength * amount**power
    return made


def _altered(site: drawing.Site, strengths: np.ndarray) -> drawing.Site:
    traits = dataclasses.replace(site.traits, mechanism=strengths)
    return dataclasses.replace(site, traits=traits)


SCREEN = dataclasses.replace(
    simulated_rxrx1.SCREEN,
    name="simulated_channels",
    generate=generate,
    options=OPTIONS,
)
