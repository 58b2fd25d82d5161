"""Draws the sites of a simulated screen into files, on all cores; can be resumed.

Images depend on the options of the screen, not on the number of workers.
"""

import dataclasses
import io
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from etils import epath
from PIL import Image

from gandl_jax import child_processes, files
from gandl_jax.errors import InputError
from gandl_jax.progress import Progress
from gandl_jax.raw.screen import Screen
from gandl_jax.simulated.cells import CellModel, Traits, draw_site


class Drawn(Protocol):
    """A unit of drawing, with the paths of its files."""

    paths: tuple[str, ...]


NOTE = "simulation.json"  # in the raw screen's folder: the options of its drawing


@dataclasses.dataclass(frozen=True)
class Site:
    """All that the drawing of a site depends on.

    Attributes:
      paths: of the images, one per channel.
      seed: of the site's generator: the screen's seed, then the site's identity.
      model: the cell model.
      traits: state of the well.
      size_px: height and width.
      channels: names of the stains.
    """

    paths: tuple[str, ...]
    seed: tuple[int, ...]
    model: CellModel
    traits: Traits
    size_px: int
    channels: tuple[str, ...]


def check(options: Mapping, lowest: Mapping[str, int]) -> None:
    """Raises InputError if an option of `config.simulate` is below its lowest."""
    for name, least in lowest.items():
        if options[name] < least:
            raise InputError(
                f"config.simulate.{name} is {options[name]}; "
                f"it must be at least {least}"
            )


def claim(folder: epath.Path, options: Mapping, names: Iterable[str]) -> bool:
    """Notes the screen that a folder holds, which is made if needed.

    Arguments, result and errors are those of `is_finished`.
    """
    finished = is_finished(folder, options, names)
    if not finished:
        folder.mkdir(parents=True, exist_ok=True)
        files.replace(folder / NOTE, json.dumps(_noted(options, names), indent=1))
    return finished


def is_finished(folder: epath.Path, options: Mapping, names: Iterable[str]) -> bool:
    """Tells whether a folder holds the whole screen of these options.

    Args:
      folder: of the raw screen; it need not exist.
      options: `config.simulate`.
      names: the options that the images depend on.

    Raises:
      InputError: the folder holds another screen.
    """
    finished, note = (folder / "metadata.csv").exists(), folder / NOTE
    if finished and not note.exists():
        raise InputError(
            f"{folder} holds a screen that was not simulated; "
            "name another config.data.source_dir"
        )
    wanted = _noted(options, names)
    if note.exists() and (noted := _read_note(note)) != wanted:
        both_notes = {**noted, **wanted}
        changed = [name for name in both_notes if noted.get(name) != wanted.get(name)]
        raise InputError(
            f"{folder} holds a simulated screen drawn with other options "
            f"({', '.join(changed)}); name another config.data.source_dir"
        )
    return finished


def _noted(options: Mapping, names: Iterable[str]) -> dict:
    """Returns the options as JSON stores them: tuples are lists."""
    return json.loads(json.dumps({name: options[name] for name in names}))


def _read_note(note: epath.Path) -> dict:
    try:
        return dict(files.read_json(note))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{note} is damaged: name another config.data.source_dir"
        ) from error


def sites(
    folder: epath.Path,
    screen: Screen,
    wells: pd.DataFrame,
    options: Mapping,
    *,
    models: Mapping[str, CellModel],
    mechanisms: Sequence[str],
) -> list[Site]:
    """Makes all sites of a screen, ready to be drawn.

    Args:
      folder: of the raw screen.
      screen: the spec, with paths of images and the C channels.
      wells: one row per well with its latent state: infection, toxicity, mechanism,
        mechanism_strength, density, blur_px, state_1 .. state_C, gain_1 .., offset_1 ..
      options: `config.simulate`.
      models: {cell type: cell model}, in a fixed order.
      mechanisms: their names, in the order of `Traits.mechanism`.
    """
    numbers = {name: number for number, name in enumerate(models)}
    result = []
    for well in wells.to_dict("records"):
        identity = (
            options["seed"],
            numbers[well["cell_type"]],
            int(well["experiment"].rpartition("-")[2]),
            int(well["plate"]),
            well["row"],
            well["column"],
        )
        traits = _traits(well, mechanisms, len(screen.channels))
        for site in range(1, options["sites_per_well"] + 1):
            paths = screen.image_paths({**well, "site": str(site)})
            drawn_site = Site(
                paths=tuple(str(folder / path) for path in paths),
                seed=(*identity, site),
                model=models[well["cell_type"]],
                traits=traits,
                size_px=options["size_px"],
                channels=screen.channels,
            )
            result.append(drawn_site)
    return result


def _traits(well: Mapping, mechanisms: Sequence[str], channels: int) -> Traits:
    by_channel = {
        name: np.array([well[f"{name}_{number + 1}"] for number in range(channels)])
        for name in ("state", "gain", "offset")
    }
    mechanism = np.array([name == well["mechanism"] for name in mechanisms], float)
    return Traits(
        infection=well["infection"],
        toxicity=well["toxicity"],
        mechanism=mechanism * well["mechanism_strength"],
        density=well["density"],
        blur_px=well["blur_px"],
        **by_channel,
    )


def draw(site: Site) -> None:
    """Draws one site and writes its images."""
    rng = generator(site)
    images = draw_site(rng, site.model, site.traits, site.size_px, site.channels)
    write(site, images)


def generator(site: Site) -> np.random.Generator:
    """Makes a site's generator, at its start."""
    return np.random.default_rng(np.random.SeedSequence(site.seed))


def write(site: Site, images: np.ndarray) -> None:
    """Writes the images [C, H, W] uint8 of a site."""
    for path, image in zip(site.paths, images, strict=True):
        png = io.BytesIO()
        Image.fromarray(image).save(png, "PNG", compress_level=1)
        files.replace(path, png.getvalue())


def draw_all(
    wanted: Sequence[Drawn],
    workers: int,
    draw_one: Callable[[Drawn], None] = draw,
    what: str = "sites",
) -> None:
    """Draws all files that are missing, on all cores, with a progress line.

    Args:
      wanted: the sites, or other units with paths.
      workers: number of processes; 0 is one per core.
      draw_one: draws a unit and writes its files.
      what: name of the units, for the message.
    """
    folders = {epath.Path(site.paths[0]).parent for site in wanted}
    existing = set()
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        existing |= {str(path) for path in folder.iterdir()}
    missing = [site for site in wanted if not existing.issuperset(site.paths)]
    workers = workers or os.cpu_count()
    if not missing:
        return
    print(
        f"simulate: drawing {len(missing)} of {len(wanted)} {what}, {workers} processes"
    )
    # Not fork: the caller may hold threads of jax or tensorflow.
    with child_processes.deaf_to_interrupts():
        pool = multiprocessing.get_context("spawn").Pool(workers)
    with pool:
        progress = Progress("simulate", len(missing), what)
        for _ in pool.imap_unordered(draw_one, missing, chunksize=4):
            progress.update(1)
    progress.close()


def with_sites(wells: pd.DataFrame, sites_per_well: int) -> pd.DataFrame:
    """Repeats wells for their sites, with the columns `site` and `site_id`."""
    table = wells.loc[wells.index.repeat(sites_per_well)].reset_index(drop=True)
    table["site"] = np.tile(np.arange(1, sites_per_well + 1), len(wells))
    table["site_id"] = table["well_id"] + "_" + table["site"].astype(str)
    return table


def write_csv(path: epath.Path, table: pd.DataFrame) -> None:
    """Writes a table with the same bytes on every system."""
    files.replace(path, table.to_csv(index=False, lineterminator="\n"))
