"""The job `verify`: are a prepared screen and a workdir still as they were written?"""

import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import csv_files, workdir_faults
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared
from gandl_jax.prepared.description import REMARKS
from gandl_jax.progress import Progress
from gandl_jax.raw import confined, screen

TABLE = "verify.csv"
SHOWN = 10  # lines that are printed; the others are only in the file


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Checks every file and record in `config.data.dir`, and digests in the workdir.

    Both are only read. This cannot tell whether the raw images were right when they
    were read, nor whether a file was rewritten with a new digest.

    Args:
      config: the whole config; `data` and, for a screen of one's own, `screen` are
        read.
      workdir: its config, metrics, checkpoints, feature sets and results are checked
        against their digests, and `verify.csv` is written there: shard or file, record,
        name, what is wrong.

    Raises:
      InputError: there is no prepared screen, it is another one, or a former version
        wrote it without a manifest.
      RunError: a fault was found.
    """
    directory, spec = config.data.dir, screen.load(config)
    description = prepared.read_description(directory)
    settings = prepare.plan_settings(spec, config)
    prepared.check_plan(directory, description["plan"], settings)
    if prepared.MANIFEST not in description:
        raise InputError(
            f"{directory} was prepared by a former version, which wrote no manifest to "
            "verify by: prepare it again in another config.data.dir"
        )
    confined.check_links(config.data.source_dir, config.data.outside)
    screen_faults = _faults(directory, description, spec, config.data.source_dir)
    workdir_damage = _workdir_faults(epath.Path(workdir))
    path = epath.Path(workdir) / TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, [*screen_faults, *workdir_damage])
    if screen_faults:
        raise RunError(
            f"{directory} is not as it was prepared: {len(screen_faults)} faults, "
            f"listed in {path}; delete the files that it names and run --job=prepare "
            "again"
        )
    print(f"{directory}: all {description['records']} records are as prepared")
    _tell_odd_images(directory, description)
    if workdir_damage:
        raise RunError(
            f"{workdir} is not as it was written: {len(workdir_damage)} files, listed "
            f"in {path} with what to do"
        )
    print(f"{workdir}: what carries a digest is as it was written")
    print(
        f"note: this holds files against {prepared.DESCRIPTION} and the digests that "
        "they carry; it does not cover the raw images, pictures, TensorBoard's files, "
        "CSV tables, exports and the report, nor who wrote a file"
    )


def _tell_odd_images(directory: str, description: Mapping[str, Any]) -> None:
    """Prints again the remarks on images from the preparation."""
    for remark in description.get(REMARKS, {}).get("images", []):
        print(f"note: {remark}")
    if len(prepared.read_odd_images(directory, description)):
        path = epath.Path(directory) / prepared.ODD_IMAGES
        print(f"note: {path} lists images that stand out, with their measures")


def _workdir_faults(workdir: epath.Path) -> list[Any]:
    """Lists all faults of a workdir."""
    from gandl_jax.prepared import faults  # slow

    return [
        faults.Fault(name, None, "", fault)
        for name, fault in workdir_faults.find(workdir)
    ]


def _faults(
    directory: str,
    description: Mapping[str, Any],
    spec: screen.Screen,
    source_dir: str,
) -> list[Any]:
    """Lists all faults of the prepared screen, in the order of the shards."""
    from gandl_jax.prepared import faults  # slow

    manifest = dict(description[prepared.MANIFEST]["files"])
    tables = {prepared.SOURCE_TABLE, prepared.CHANGED_TABLE}
    manifest |= {name: description[name] for name in tables & description.keys()}
    file_faults = faults.surplus(directory, manifest)
    for name in sorted(manifest.keys() - {*description["files"], prepared.RECORDS}):
        file_fault, _ = faults.check_file(directory, name, manifest)
        file_faults += [file_fault] if file_fault else []
    file_faults += faults.check_plan(directory, description["plan"])
    file_faults += faults.check_counts(directory, description["files"], manifest)
    fault, _ = faults.check_file(directory, prepared.RECORDS, manifest)
    if fault:  # records cannot be located then
        check = functools.partial(faults.check_file, directory, files=manifest)
        results = _over_shards(check, description["files"], manifest)
        return [
            fault,
            *(shard_fault for shard_fault, _ in results if shard_fault),
            *file_faults,
        ]
    opened = prepared.open_unchecked(directory, description)
    check = functools.partial(faults.check_shard, opened, files=manifest, spec=spec)
    results = _over_shards(check, description["files"], manifest)
    record_faults = [fault for shard_faults, _ in results for fault in shard_faults]
    undamaged = pd.concat([names for _, names in results], ignore_index=True)
    record_faults += faults.check_sites(
        opened, undamaged, [fault.name for fault in record_faults]
    )
    if not any(fault.shard in tables for fault in file_faults):
        record_faults += faults.check_source_table(opened, spec)
    return [*record_faults, *file_faults, *_against_source(opened, spec, source_dir)]


def _over_shards(
    check: Callable[[str], Any], shards: Sequence[str], manifest: Mapping[str, Any]
) -> list[Any]:
    """Checks the shards, one on each core at a time; returns the results."""
    progress = Progress(
        "verify", sum(manifest[shard]["records"] for shard in shards), "sites"
    )
    results = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for shard, result in zip(shards, pool.map(check, shards), strict=True):
            results.append(result)
            progress.update(manifest[shard]["records"])
    progress.close()
    return results


def _against_source(
    opened: prepared.Prepared, spec: screen.Screen, source_dir: str
) -> list[Any]:
    """Finds records that only the prepared or only the raw screen has."""
    from gandl_jax.prepared import faults  # slow

    if not source_dir or not epath.Path(source_dir).exists():
        print(
            f"note: the raw screen {source_dir!r} is not here: the records are held "
            f"against {prepared.RECORDS} only"
        )
        return []
    metadata = screen.read_metadata(spec, source_dir)
    return faults.check_metadata(opened, screen.record_ids(spec, metadata))


def _write(path: epath.Path, faults: Sequence[Any]) -> None:
    """Writes the table (only its header if all is well), and prints the first lines."""
    columns = ["shard", "record", "name", "what"]
    table = pd.DataFrame(
        [dataclasses.asdict(fault) for fault in faults], columns=columns
    )
    table["record"] = table["record"].astype("Int64")
    csv_files.write(path, table)
    for fault in faults[:SHOWN]:
        location = "" if fault.record is None else f" record {fault.record}"
        name = f" ({fault.name})" if fault.name else ""
        print(f"{fault.shard}{location}{name}: {fault.what}".strip())
    if len(faults) > SHOWN:
        print(f"... and {len(faults) - SHOWN} more")
