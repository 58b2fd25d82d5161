"""The job `init`: from a folder of images to a commented config and a picture.

It asks nothing and overwrites nothing. --config names the file that is written.
"""

import importlib.util
import os
import re
from collections.abc import Iterator

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.jobs.init import ome_plates, patterns, proposal, samples, tables, text
from gandl_jax.jobs.init.proposal import Proposal
from gandl_jax.profiles import table as profile_table
from gandl_jax.raw import raw_images, screen
from gandl_jax.raw.raw_files import RawFiles

WORKDIR = "read"
CONFIG = "written"  # by this job; --config names no file that is there
PLATES = 4  # drawn at most
PERCENTILES = 0.1, 99.9  # as config.data.low_percentile, that a picture is stretched to


def run(config: ml_collections.ConfigDict, workdir: epath.Path) -> None:
    """Writes a config for config.data.source_dir into config.init.file.

    Args:
      config: data.source_dir and init are read.
      workdir: unused.

    Raises:
      InputError: the file is there already; no folder, no images, several screens, two
        images of one place, or a table that contradicts itself.
    """
    del workdir
    target = epath.Path(config.init.file)
    picture = target.with_suffix(".png")
    for path in (target, picture):
        if path.exists():
            raise InputError(f"{path} is there already: name another file in --config")
    source_dir = config.data.source_dir
    files_ = _open(source_dir)
    plates = ome_plates.find(files_)
    there = _listed(files_)
    images = [
        p for p in there if files_.is_image(p) and (not plates or files_.in_plate(p))
    ]
    candidates = tables.candidates(there)
    _check_one(files_, there, images, candidates)
    found = samples.formats(files_, images)
    if found.common is None:
        reason, path = next(iter(found.others.items()))
        raise InputError(f"no image in {source_dir} can be read: {path} ({reason})")
    named = plates or patterns.find(images)
    table, notes = tables.find(files_, candidates, images, named)
    made = proposal.make(_name(target), source_dir, named, table, found.common)
    opened = _opened(config, made)
    notes += [*named.notes, *_others(found)]
    facts = [*_facts(opened, found), *_names(named, table)]
    words = text.write(made, facts, notes, os.fspath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    files.replace(target, words)
    _say(f"wrote {target}")
    _draw(picture, opened, made)
    for line in facts:
        _say(line)
    for title, lines in (("guess", made.guesses), ("not told", made.unknown)):
        for line in lines:
            _say(f"{title}: {line}")
    print(f"next: python -m gandl_jax.main --config={target}:smoke --job=all")


class _Opened:
    """The screen as the config describes it, read as prepare reads it."""

    def __init__(self, config: ml_collections.ConfigDict):
        source_dir = config.data.source_dir
        self.spec = screen.load(config)
        rows = screen.read_metadata(self.spec, source_dir)
        self.total = len(rows)
        self.rows, self.files = raw_images.present(
            self.spec, source_dir, rows, missing="skip", outside="refuse"
        )
        self.labels = screen.table(self.spec, self.rows)


def _say(words: str) -> None:
    print(f"init      {words}", flush=True)


def _open(source_dir: str) -> RawFiles:
    """Opens the files of a folder; raises where there is none."""
    if not source_dir or not epath.Path(source_dir).is_dir():
        raise InputError(
            f"there is no folder {source_dir!r}: name one that holds images, as in "
            "--config.data.source_dir=FOLDER"
        )
    return ome_plates.open_files(source_dir)


def _listed(opened: RawFiles) -> list[str]:
    """Paths of all files, loose, in archives and of plates, each once."""
    return [path for path in opened.unique_paths() if "_thumb" not in path]


def _check_one(
    opened: RawFiles, there: list[str], images: list[str], candidates: list[str]
) -> None:
    """Raises where there is no screen, or more than one."""
    source_dir = opened.source_dir
    if not images and opened.no_plates:
        raise InputError(opened.no_plates[0])
    if not images:
        kinds = sorted({os.path.splitext(path)[1] or "no ending" for path in there})
        has = f"files with {', '.join(kinds[:5])}" if kinds else "no file"
        raise InputError(
            f"{source_dir} holds no PNG or TIFF, but {has}: name a folder of images"
        )
    if candidates:
        return
    inner = sorted(
        {
            path.partition("/")[0]
            for path in there
            if path.count("/") == 1 and path.lower().endswith(tables.TABLES)
        }
    )
    if len(inner) > 1:
        raise InputError(
            f"{source_dir} holds several screens, each with a table: name one, as in "
            f"--config.data.source_dir={os.path.join(source_dir, inner[0])} "
            f"({', '.join(inner[:6])}{', ...' if len(inner) > 6 else ''})"
        )


def _name(target: epath.Path) -> str:
    """A screen's name, from that of its config."""
    plain = re.sub(r"[^a-z0-9_]+", "_", target.stem.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"screen_{plain}".rstrip("_")


def _opened(config: ml_collections.ConfigDict, made: Proposal) -> _Opened:
    """Opens the screen by the proposed keys; guessed controls go where they fail."""
    whole = configs.default()
    configs.set_keys(whole, made.settings)
    whole.data.source_dir = config.data.source_dir
    try:
        opened = _Opened(whole)
    except InputError as error:
        guessed = [k for k in text.APART if made.settings.get(k)]
        if not guessed:
            raise
        made.settings.update(dict.fromkeys(guessed, ""))
        made.unknown.append(f"the controls: those guessed do not go together ({error})")
        return _opened(config, made)
    if len(opened.rows) < opened.total:
        made.settings["data.missing"] = "skip"
        made.guesses.append(
            f"{opened.total - len(opened.rows):,} of {opened.total:,} rows have no "
            "images, and are left out (data.missing)"
        )
    return opened


def _facts(opened: _Opened, found: samples.Formats) -> Iterator[str]:
    labels = opened.labels
    counts = [_count(len(labels), "record")]
    if "Metadata_Well" in labels:
        counts.append(_count(len(set(profile_table.wells(labels))), "well"))
    if "Metadata_Plate" in labels:
        counts.append(_count(len(set(profile_table.plates(labels))), "plate"))
    for column, what in (("Treatment", "treatment"), ("Concentration_uM", "dose")):
        if f"Metadata_{column}" in labels:
            known = labels[f"Metadata_{column}"].replace("", np.nan).nunique()
            counts.append(_count(known, what))
    yield ", ".join(counts)
    channels = opened.spec.channels
    yield f"{_count(len(channels), 'channel')}: {', '.join(channels)}"
    yield f"images are {found.common} ({found.looked_at:,} headers were read)"
    roles = labels["Metadata_Role"].value_counts()
    told = [f"{n:,} {role}" for role, n in roles.items() if role != "other"]
    if told:
        yield f"records by their role: {', '.join(told)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _names(named: patterns.Named, table: tables.Table | None) -> Iterator[str]:
    if table:
        yield f"the table is {table.name}, of {len(table.rows):,} rows"
    if named.instrument:
        yield f"names are as those of {named.instrument}"


def _others(found: samples.Formats) -> Iterator[str]:
    for other, path in found.others.items():
        yield f"some images are otherwise, such as {path} ({other})"


def _draw(path: epath.Path, opened: _Opened, made: Proposal) -> None:
    """Writes the picture, where matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        _say("no picture: matplotlib is not installed")
        return
    from gandl_jax.figures import screen_picture  # an optional library

    row = opened.rows.iloc[len(opened.rows) // 2]
    image = samples.site(opened.files, opened.spec.image_paths(row))
    if image is None:
        _say("no picture: the image in the middle cannot be read")
        return
    shown, levels = {}, {}
    planes = np.moveaxis(image, -1, 0)
    for name, pixels in zip(opened.spec.channels, planes, strict=True):
        low, high = np.percentile(pixels, PERCENTILES)
        shown[name] = np.clip((pixels - low) / max(high - low, 1), 0, 1)
        full = np.iinfo(pixels.dtype).max
        levels[name] = f"{low:.0f} to {high:.0f} of {full:,}"
        if full > 2**12 and pixels.max() < 2**12:
            levels[name] += " (12 bits)"
    figure = screen_picture.draw(_plates(opened.labels), shown, levels)
    with files.replacing(path) as file:
        figure.savefig(file, format="png", dpi=130)
    _say(f"wrote {path}")


def _plates(labels: pd.DataFrame) -> dict[str, dict[str, list]]:
    """Plate to the places of its wells by role, of the first plates."""
    if "Metadata_Well" not in labels:
        return {}
    names = profile_table.plates(labels)
    made = {}
    for plate in sorted(set(names))[:PLATES]:
        own = labels[names == plate].drop_duplicates("Metadata_Well")
        places = own["Metadata_Well"].map(profile_table.parse_well)
        made[f"plate {plate}"] = {
            role: places[own["Metadata_Role"] == role].tolist()
            for role in own["Metadata_Role"].unique()
        }
    return made
