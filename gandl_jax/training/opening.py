"""What the jobs of one experiment share: its dataset, its method, its encoder."""

import contextlib
import functools
from collections.abc import Sequence
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax import events, file_hashes, hosts
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source
from gandl_jax.prepared import labelled, prepared
from gandl_jax.raw import screen
from gandl_jax.reading import bad_records, labelling
from gandl_jax.training import held_out, network_files
from gandl_jax.training.named_method import make_method as make_method


def open_dataset(config) -> tuple[prepared.Prepared, tuple[str, ...]]:
    """The prepared screen as the config labels it, and the channels to use.

    Its grey levels are those of plates that hold more than held-out records. Imports
    nothing slow.

    Raises:
      InputError: it is not prepared, is another screen or reduced otherwise, is
        smaller than a crop, has no such channel, label or column, no plates to scale
        by, or no such groups to hold out.
    """
    spec = screen.load(config)
    name = spec.name  # of a screen of one's own, config.screen.name
    dataset = prepared.open_prepared(config.data.dir)
    if dataset.name != name:
        raise InputError(
            f"{config.data.dir} holds the screen {dataset.name!r}, not "
            f"{name!r} (config.data.name): name another config.data.dir"
        )
    wanted = {key: config.data[key] for key in prepared.REDUCED}
    prepared.check_plan(config.data.dir, dataset.description["plan"], wanted)
    check_crop(config, name, (dataset.height_px, dataset.width_px))
    dataset = labelling.label(config, dataset)
    if config.train.hold_out:
        rows = held_out.not_held(dataset.table, config.train.hold_out)
        dataset = labelled.with_levels_of(dataset, spec, rows)
    dataset.check_scaling(config.data.scaling)
    dataset.check_illumination(config.data.illumination)
    return dataset, prepared.choose_channels(dataset, config.data.channels)


def check_crop(config, name: str, size_px: tuple[int, int]) -> None:
    """Refuses a crop that images do not hold, with the largest that the method takes.

    Args:
      config: of the experiment.
      name: of the screen.
      size_px: height and width of its images.

    Raises:
      InputError: with what fits.
    """
    data = config.data
    prepared.check_crop(
        name,
        size_px,
        data.crop_px,
        data.pad_px,
        data.padding,
        largest=functools.partial(_largest_crop, config),
    )


def _largest_crop(config, most: int) -> int | None:
    """The largest crop of at most so many pixels that the method's networks take."""
    tried = config.copy_and_resolve_references()
    for px in range(most, 0, -1):
        tried.data.crop_px = px
        with contextlib.suppress(InputError):
            configs.method_options(config.method.name).check(tried)
            return px
    return None


def bad_records_policy(
    config, dataset: prepared.Prepared, workdir: epath.Path
) -> bad_records.BadRecords | None:
    """Where bad records are skipped, what takes note of them; else None."""
    if config.data.bad_records == "fail":
        return None
    return bad_records.BadRecords(
        dataset,
        workdir,
        config.data.bad_records_max_frac,
        host=hosts.index(),
        hosts=hosts.count(),
    )


def encoder_method(config, theirs, source: Source) -> Any:
    """The method whose encoder embeds this screen.

    Args:
      config: of this experiment.
      theirs: of the encoder, as of `encoder_config`.
      source: that the encoder learnt from.
    """
    method = make_method(theirs, source)
    if not takes_other_channels(config):
        return method
    from gandl_jax.training import other_channels  # slow

    folder, names = epath.Path(config.embed.checkpoint), theirs.data.channels
    sources, count = _sources(folder, names, config), len(names)
    return other_channels.OtherChannelsMethod(method, sources, count)


def takes_other_channels(config) -> bool:
    """Whether an encoder of a workdir sees this screen's channels in place of its own.

    Of a file the filters themselves are changed.
    """
    embed = config.embed
    return bool(embed.checkpoint_channels) and not network_files.is_file(
        embed.checkpoint
    )


def encoder_config(config) -> ml_collections.ConfigDict:
    """The config that the encoder was trained with.

    It is this one, unless `config.embed.checkpoint` names another experiment: then its
    model and method are the other's, while tiles and channels must agree; or a file of
    networks: then its sizes are that file's. Imports nothing slow and needs no prepared
    screen.

    Returns:
      The config, with the channels spelt out where it is another experiment's.

    Raises:
      InputError: no such experiment, an unfinished one, or one that takes other
        channels or tiles; no such file, or none of a network for such tiles.
    """
    if not config.embed.checkpoint:
        return config
    if network_files.is_file(config.embed.checkpoint):
        return _config_of_file(config)
    folder = epath.Path(config.embed.checkpoint)
    if not folder.is_dir():
        raise InputError(
            f"config.embed.checkpoint={folder} is no folder: name the workdir of the "
            "experiment whose encoder shall embed this screen, or an .npz file"
        )
    theirs = read_trained(folder)
    if "last" in config.embed.steps:
        check_finished(folder, theirs)
    _sources(folder, theirs.data.channels, config)
    _check_tiles(folder, theirs.data.crop_px, "data.crop_px", config.data.crop_px)
    theirs.embed.weights = config.embed.weights
    return theirs


def read_trained(folder: epath.Path) -> ml_collections.ConfigDict:
    """The config of another experiment that has a checkpoint, channels spelt out.

    Raises:
      InputError: it is no experiment's workdir, or holds no checkpoint.
    """
    theirs = workdirs.read_config(folder)
    if newest_step(folder) is None:
        raise InputError(f"{folder} holds no checkpoint: run its --job=train first")
    theirs.data.channels = prepared.check_channels(
        theirs.data.name, screen.load(theirs).channels, theirs.data.channels
    )
    return theirs


def newest_step(folder: epath.Path) -> int | None:
    """The newest checkpoint that a workdir has finished, without looking into it."""
    return max(finished_steps(folder), default=None)


def finished_steps(folder: epath.Path) -> list[int]:
    """Of the checkpoints that a workdir has finished, without looking into them."""
    saved = folder / "checkpoints"
    found = list(saved.iterdir()) if saved.is_dir() else []
    steps = [p for p in found if p.name.isdecimal() and file_hashes.is_listed(p)]
    return sorted(int(path.name) for path in steps)


def _config_of_file(config) -> ml_collections.ConfigDict:
    """This config with the sizes of the encoder in a file."""
    place = config.embed.checkpoint
    _, sizes = network_files.read_encoder(config, place)
    key, size = configs.network_px_key(config), configs.network_px(config)
    _check_tiles(place, sizes.size, key, size)
    theirs = config.copy_and_resolve_references()
    network_files.of_method(config).configure(theirs, sizes)
    spec = screen.load(config)
    theirs.data.channels = prepared.check_channels(
        spec.name, spec.channels, config.data.channels
    )
    network_files.sources_in_file(
        "embed.checkpoint_channels",
        config.embed.checkpoint_channels,
        theirs.data.channels,
        sizes.channels,
    )
    return theirs


def _check_tiles(place: epath.PathLike, theirs: int, key: str, ours: int) -> None:
    if ours != theirs:
        raise InputError(
            f"the encoder of {place} takes tiles of {theirs} px, but config.{key} is "
            f"{ours}: set --config.{key}={theirs}"
        )


def check_finished(folder: epath.Path, theirs) -> None:
    """Refuses a training that has not come to its end.

    Args:
      folder: its workdir.
      theirs: its config.

    Raises:
      InputError: with its steps.
    """
    last = newest_step(folder)
    total = configs.steps(theirs.train.total_images, theirs.train.batch)
    if last >= total or last == events.early_end(events.read(folder)):
        return
    raise InputError(
        f"the training in {folder} is at step {last} of {total}: finish it, or "
        f"name the steps to embed with, as in --config.embed.steps=0,{last}"
    )


def _sources(
    folder: epath.Path, theirs: Sequence[str], config
) -> tuple[int | None, ...]:
    """For each of this screen's chosen channels that of the encoder, as it says.

    Raises:
      InputError: they are not the encoder's, and the config does not say which stand
        for which.
    """
    spec = screen.load(config)
    mine = prepared.check_channels(spec.name, spec.channels, config.data.channels)
    key, wanted = "embed.checkpoint_channels", config.embed.checkpoint_channels
    if wanted:
        return network_files.sources(key, wanted, mine, list(theirs))
    if mine == tuple(theirs):
        return tuple(range(len(mine)))
    lacking = [name for name in theirs if name not in spec.channels]
    if lacking:
        has, usual = (
            ", ".join(spec.channels),
            (name if name in theirs else network_files.MEAN for name in mine),
        )
        advice = (
            f"this screen has no {' and no '.join(lacking)}, but {has}; say for each "
            "of its channels which of the encoder's it stands for, or mean, as in "
            f"--config.{key}={','.join(usual)}"
        )
    else:
        advice = f"set --config.data.channels={','.join(theirs)}"
    raise InputError(
        f"the encoder of {folder} takes the channels {', '.join(theirs)}, but "
        f"config.data.channels gives it {', '.join(mine)}: {advice}"
    )
