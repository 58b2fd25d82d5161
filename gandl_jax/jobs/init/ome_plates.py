"""OME plates in a folder, as init reads their paths."""

import collections
from collections.abc import Iterator

from gandl_jax.jobs.init import patterns
from gandl_jax.jobs.init.patterns import NamePattern
from gandl_jax.raw import ome_tiff, ome_zarr, raw_files
from gandl_jax.raw.ome_tiff import TiffPlates
from gandl_jax.raw.raw_files import RawFiles

ENDS = ome_zarr.END + "/", ome_tiff.END  # of a plate's folder in paths
FOLDERS = "experiment", "folder"  # fields of folders above a plate, innermost first


def open_files(source_dir: str) -> RawFiles:
    """Opens a screen's files, with OME-TIFF plates if the first file names one.

    Args:
      source_dir: the raw screen, an existing folder.

    Raises:
      InputError: an archive or a plate cannot be used.
      RunError: the network failed, while a remote plate was read.
    """
    opened = raw_files.open_files(source_dir)
    tiffs = (p for p in opened.all_paths() if p.lower().endswith(ome_tiff.FILES))
    first = next(tiffs, None)
    if opened.plates or first is None or not ome_tiff.describes_plates(opened, first):
        return opened
    return raw_files.with_ome_tiffs(opened)


def find(files: RawFiles) -> NamePattern | None:
    """Describes the parts of the paths of plates' images; None without a plate.

    Args:
      files: as from `open_files`.
    """
    paths = [path for plate in files.plates for path in plate.paths()]
    if not paths:
        return None
    depths = collections.Counter(path.count("/") for path in paths)
    depth = depths.most_common(1)[0][0]
    of_usual_depth = [path for path in paths if path.count("/") == depth]
    fields = [*FOLDERS[: depth - 2][::-1], "plate", "well", "site"]
    values: dict[str, set[str]] = {field: set() for field in fields}
    end = next(end for end in ENDS if end in of_usual_depth[0])
    for path in of_usual_depth:
        for field, text in zip(fields, path.split("/"), strict=True):
            values[field].add(text.removesuffix(end[:-1]) if field == "plate" else text)
    folders = [f"{{{field}}}" for field in fields]
    folders[-3] += end[:-1]
    return NamePattern(
        file="/".join(folders),
        values={f: tuple(sorted(v, key=patterns.natural)) for f, v in values.items()},
        instrument="OME-TIFF" if end == ome_tiff.END else "OME-Zarr",
        wells_per_row=0,
        matched=len(of_usual_depth),
        total=len(paths),
        notes=tuple(_notes(files, len(paths) - len(of_usual_depth))),
        channels=files.plates[0].channels,
    )


def _notes(files: RawFiles, left_out: int) -> Iterator[str]:
    if left_out:
        yield f"{left_out:,} images of plates in other folders are left out"
    for plate in files.plates:
        if not isinstance(plate, TiffPlates) and plate.acquisitions > 1:
            yield (
                f"{plate.name} has {plate.acquisitions} acquisitions, whose images are "
                "sites of their wells here"
            )
            return
