"""Job `init`: from a folder of images to a commented config and a picture.

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
PLATES = 4  # that are drawn at most
PERCENTILES = 0.1, 99.9  # of a picture's grey levels, as config.data.low_percentile


def run(config: ml_collections.ConfigDict, workdir: epath.Path) -> None:
    """Writes a config for config.data.source_dir into config.init.file.

    Args:
      config: data.source_dir and init are read.
      workdir: unused.

    Raises:
      InputError: the file exists; no folder, no images, several screens, two images of
        one site and channel, or a table that contradicts itself.
    """
    del workdir
    target = epath.Path(config.init.file)
    picture = target.with_suffix(".png")
    for path in (target, picture):
        if path.exists():
            raise InputError(f"{path} is there already: name another file in --config")
    source_dir = config.data.source_dir
    source = _open(source_dir)
    plates = ome_plates.find(source)
    paths = _listed(source)
    images = [
        p for p in paths if source.is_image(p) and (not plates or source.in_plate(p))
    ]
    candidates = tables.candidates(paths)
    _check_one(source, paths, images, candidates)
    formats = samples.formats(source, images)
    if formats.common is None:
        reason, path = next(iter(formats.others.items()))
        raise InputError(f"no image in {source_dir} can be read: {path} ({reason})")
    pattern = plates or patterns.find(images)
    table, notes = tables.find(source, candidates, images, pattern)
    proposed = proposal.make(_name(target), source_dir, pattern, table, formats.common)
    opened = _opened(config, proposed)
    notes += [*pattern.notes, *_other_formats(formats)]
    facts = [*_facts(opened, formats), *_names(pattern, table)]
    config_text = text.write(proposed, facts, notes, os.fspath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    files.replace(target, config_text)
    _say(f"wrote {target}")
    _draw(picture, opened, proposed)
    for line in facts:
        _say(line)
    for title, lines in (("guess", proposed.guesses), ("not told", proposed.unknown)):
        for line in lines:
            _say(f"{title}: {line}")
    print(f"next: python -m gandl_jax.main --config={target}:smoke --job=all")


class _Opened:
    """Screen as the proposed config describes it, read as prepare reads it."""

    def __init__(self, config: ml_collections.ConfigDict):
        source_dir = config.data.source_dir
        self.spec = screen.load(config)
        rows = screen.read_metadata(self.spec, source_dir)
        self.total = len(rows)
        self.rows, self.files = raw_images.present(
            self.spec, source_dir, rows, missing="skip", outside="refuse"
        )
        self.labels = screen.table(self.spec, self.rows)


def _say(sentence: str) -> None:
    print(f"init      {sentence}", flush=True)


def _open(source_dir: str) -> RawFiles:
    """Opens the files of a folder; raises if there is none."""
    if not source_dir or not epath.Path(source_dir).is_dir():
        raise InputError(
            f"there is no folder {source_dir!r}: name one that holds images, as in "
            "--config.data.source_dir=FOLDER"
        )
    return ome_plates.open_files(source_dir)


def _listed(opened: RawFiles) -> list[str]:
    """Returns the paths of all files, loose, in archives and of plates, each once."""
    return [path for path in opened.unique_paths() if "_thumb" not in path]


def _check_one(
    opened: RawFiles, paths: list[str], images: list[str], candidates: list[str]
) -> None:
    """Raises if there is no screen, or more than one."""
    source_dir = opened.source_dir
    if not images and opened.no_plates:
        raise InputError(opened.no_plates[0])
    if not images:
        endings = sorted({os.path.splitext(path)[1] or "no ending" for path in paths})
        contents = f"files with {', '.join(endings[:5])}" if endings else "no file"
        raise InputError(
            f"{source_dir} holds no PNG or TIFF, but {contents}: name a folder of "
            "images"
        )
    if candidates:
        return
    folders = sorted(
        {
            path.partition("/")[0]
            for path in paths
            if path.count("/") == 1 and path.lower().endswith(tables.TABLES)
        }
    )
    if len(folders) > 1:
        raise InputError(
            f"{source_dir} holds several screens, each with a table: name one, as in "
            f"--config.data.source_dir={os.path.join(source_dir, folders[0])} "
            f"({', '.join(folders[:6])}{', ...' if len(folders) > 6 else ''})"
        )


def _name(target: epath.Path) -> str:
    """Returns a screen's name, from its config's."""
    plain = re.sub(r"[^a-z0-9_]+", "_", target.stem.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"screen_{plain}".rstrip("_")


def _opened(config: ml_collections.ConfigDict, proposed: Proposal) -> _Opened:
    """Opens the screen by the proposed keys; drops guessed controls that fail."""
    full_config = configs.default()
    configs.set_keys(full_config, proposed.settings)
    full_config.data.source_dir = config.data.source_dir
    try:
        opened = _Opened(full_config)
    except InputError as error:
        guessed = [key for key in text.APART if proposed.settings.get(key)]
        if not guessed:
            raise
        proposed.settings.update(dict.fromkeys(guessed, ""))
        proposed.unknown.append(
            f"the controls: those guessed do not go together ({error})"
        )
        return _opened(config, proposed)
    if len(opened.rows) < opened.total:
        proposed.settings["data.missing"] = "skip"
        proposed.guesses.append(
            f"{opened.total - len(opened.rows):,} of {opened.total:,} rows have no "
            "images, and are left out (data.missing)"
        )
    return opened


def _facts(opened: _Opened, formats: samples.Formats) -> Iterator[str]:
    labels = opened.labels
    counts = [_count(len(labels), "record")]
    if "Metadata_Well" in labels:
        counts.append(_count(len(set(profile_table.wells(labels))), "well"))
    if "Metadata_Plate" in labels:
        counts.append(_count(len(set(profile_table.plates(labels))), "plate"))
    for column, unit in (("Treatment", "treatment"), ("Concentration_uM", "dose")):
        if f"Metadata_{column}" in labels:
            known = labels[f"Metadata_{column}"].replace("", np.nan).nunique()
            counts.append(_count(known, unit))
    yield ", ".join(counts)
    channels = opened.spec.channels
    yield f"{_count(len(channels), 'channel')}: {', '.join(channels)}"
    yield f"images are {formats.common} ({formats.looked_at:,} headers were read)"
    roles = labels["Metadata_Role"].value_counts()
    counts_by_role = [
        f"{count:,} {role}" for role, count in roles.items() if role != "other"
    ]
    if counts_by_role:
        yield f"records by their role: {', '.join(counts_by_role)}"


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'s' * (number != 1)}"


def _names(pattern: patterns.NamePattern, table: tables.Table | None) -> Iterator[str]:
    if table:
        yield f"the table is {table.name}, of {len(table.rows):,} rows"
    if pattern.instrument:
        yield f"names are as those of {pattern.instrument}"


def _other_formats(formats: samples.Formats) -> Iterator[str]:
    for description, path in formats.others.items():
        yield f"some images are otherwise, such as {path} ({description})"


def _draw(path: epath.Path, opened: _Opened, made: Proposal) -> None:
    """Writes the picture, if matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        _say("no picture: matplotlib is not installed")
        return
    from gandl_jax.figures import screen_picture  # an optional library

    row = opened.rows.iloc[len(opened.rows) // 2]
    image = samples.site(opened.files, opened.spec.image_paths(row))
    if image is None:
        _say("no picture: the image in the middle cannot be read")
        return
    stretched, levels = {}, {}
    planes = np.moveaxis(image, -1, 0)
    for name, pixels in zip(opened.spec.channels, planes, strict=True):
        low, high = np.percentile(pixels, PERCENTILES)
        stretched[name] = np.clip((pixels - low) / max(high - low, 1), 0, 1)
        highest = np.iinfo(pixels.dtype).max
        levels[name] = f"{low:.0f} to {high:.0f} of {highest:,}"
        if highest > 2**12 and pixels.max() < 2**12:
            levels[name] += " (12 bits)"
    figure = screen_picture.draw(_plates(opened.labels), stretched, levels)
    with files.replacing(path) as file:
        figure.savefig(file, format="png", dpi=130)
    _say(f"wrote {path}")


def _plates(labels: pd.DataFrame) -> dict[str, dict[str, list]]:
    """Maps the first plates to the positions of their wells by role."""
    if "Metadata_Well" not in labels:
        return {}
    names = profile_table.plates(labels)
    by_plate = {}
    for plate in sorted(set(names))[:PLATES]:
        wells = labels[names == plate].drop_duplicates("Metadata_Well")
        positions = wells["Metadata_Well"].map(profile_table.parse_well)
        by_plate[f"plate {plate}"] = {
            role: positions[wells["Metadata_Role"] == role].tolist()
            for role in wells["Metadata_Role"].unique()
        }
    return by_plate
