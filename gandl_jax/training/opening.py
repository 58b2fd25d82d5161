"""The dataset, the method and the encoder that the jobs of an experiment share."""

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
    """Opens the prepared screen, labelled by the config, and its channels to use.

    Grey levels are taken from the plates that are not wholly held out. Imports
    nothing slow.

    Raises:
      InputError: the screen is not prepared, is another one or reduced otherwise, is
        smaller than a crop, has no such channel, label or column, no plates to scale
        by, or no such groups to hold out.
    """
    spec = screen.load(config)
    name = spec.name  # config.screen.name for a custom screen
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
    """Refuses a crop that is larger than the images, and names the largest possible.

    Args:
      config: of the experiment.
      name: of the screen.
      size_px: height and width of its images.

    Raises:
      InputError: with the largest crop that fits.
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


def _largest_crop(config, most_px: int) -> int | None:
    """Returns the largest crop of at most `most_px` px that the networks take."""
    tried = config.copy_and_resolve_references()
    for px in range(most_px, 0, -1):
        tried.data.crop_px = px
        with contextlib.suppress(InputError):
            configs.method_options(config.method.name).check(tried)
            return px
    return None


def bad_records_policy(
    config, dataset: prepared.Prepared, workdir: epath.Path
) -> bad_records.BadRecords | None:
    """Returns the note-taker of bad records, or None if they end the job."""
    if config.data.bad_records == "fail":
        return None
    return bad_records.BadRecords(
        dataset,
        workdir,
        config.data.bad_records_max_frac,
        host=hosts.index(),
        hosts=hosts.count(),
    )


def encoder_method(config, trained_config, source: Source) -> Any:
    """Makes the method whose encoder embeds this screen.

    Args:
      config: of this experiment.
      trained_config: of the encoder, as from `encoder_config`.
      source: of the records that the encoder was trained on.
    """
    method = make_method(trained_config, source)
    if not takes_other_channels(config):
        return method
    from gandl_jax.training import other_channels  # slow

    folder, names = epath.Path(config.embed.checkpoint), trained_config.data.channels
    sources, count = _sources(folder, names, config), len(names)
    return other_channels.OtherChannelsMethod(method, sources, count)


def takes_other_channels(config) -> bool:
    """Whether a workdir's encoder sees this screen's channels in place of its own.

    For an encoder in a file the filters themselves are changed instead.
    """
    embed = config.embed
    return bool(embed.checkpoint_channels) and not network_files.is_file(
        embed.checkpoint
    )


def encoder_config(config) -> ml_collections.ConfigDict:
    """Returns the config that the encoder was trained with.

    It is `config`, unless `config.embed.checkpoint` names another experiment, whose
    model and method are then used and whose tiles and channels must agree; or a file of
    networks, whose sizes are then used. Imports nothing slow and needs no prepared
    screen.

    Returns:
      The config; another experiment's has its channels spelt out.

    Raises:
      InputError: the experiment is missing, unfinished, or takes other channels or
        tiles; or the file is missing, or its network takes other tiles.
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
    trained_config = read_trained(folder)
    if "last" in config.embed.steps:
        check_finished(folder, trained_config)
    _sources(folder, trained_config.data.channels, config)
    _check_tiles(
        folder, trained_config.data.crop_px, "data.crop_px", config.data.crop_px
    )
    trained_config.embed.weights = config.embed.weights
    trained_config.embed.more_sets = config.embed.more_sets
    return trained_config


def read_trained(folder: epath.Path) -> ml_collections.ConfigDict:
    """Reads the config of another, trained experiment, with its channels spelt out.

    Raises:
      InputError: the folder is no workdir, or holds no checkpoint.
    """
    trained_config = workdirs.read_config(folder)
    if newest_step(folder) is None:
        raise InputError(f"{folder} holds no checkpoint: run its --job=train first")
    trained_config.data.channels = prepared.check_channels(
        trained_config.data.name,
        screen.load(trained_config).channels,
        trained_config.data.channels,
    )
    return trained_config


def newest_step(folder: epath.Path) -> int | None:
    """Returns the newest finished checkpoint of a workdir, without opening it."""
    return max(finished_steps(folder), default=None)


def finished_steps(folder: epath.Path) -> list[int]:
    """Returns the steps of a workdir's finished checkpoints, without opening them."""
    saved = folder / "checkpoints"
    paths = list(saved.iterdir()) if saved.is_dir() else []
    steps = [
        path for path in paths if path.name.isdecimal() and file_hashes.is_listed(path)
    ]
    return sorted(int(path.name) for path in steps)


def _config_of_file(config) -> ml_collections.ConfigDict:
    """Returns this config with the sizes of the encoder in a file."""
    path = config.embed.checkpoint
    _, sizes = network_files.read_encoder(config, path)
    key, size = configs.network_px_key(config), configs.network_px(config)
    _check_tiles(path, sizes.size, key, size)
    trained_config = config.copy_and_resolve_references()
    network_files.weights_module(config).configure(trained_config, sizes)
    spec = screen.load(config)
    trained_config.data.channels = prepared.check_channels(
        spec.name, spec.channels, config.data.channels
    )
    network_files.sources_in_file(
        "embed.checkpoint_channels",
        config.embed.checkpoint_channels,
        trained_config.data.channels,
        sizes.channels,
    )
    return trained_config


def _check_tiles(source: epath.PathLike, trained_px: int, key: str, px: int) -> None:
    if px != trained_px:
        raise InputError(
            f"the encoder of {source} takes tiles of {trained_px} px, but config.{key} "
            f"is {px}: set --config.{key}={trained_px}"
        )


def check_finished(folder: epath.Path, trained_config) -> None:
    """Refuses a training that is not finished.

    Args:
      folder: its workdir.
      trained_config: its config.

    Raises:
      InputError: with the step it is at, and the total.
    """
    last = newest_step(folder)
    total = configs.steps(trained_config.train.total_images, trained_config.train.batch)
    if last >= total or last == events.early_end(events.read(folder)):
        return
    raise InputError(
        f"the training in {folder} is at step {last} of {total}: finish it, or "
        f"name the steps to embed with, as in --config.embed.steps=0,{last}"
    )


def _sources(
    folder: epath.Path, encoder_channels: Sequence[str], config
) -> tuple[int | None, ...]:
    """Returns the encoder's channel for each of this screen's chosen channels.

    Raises:
      InputError: they differ from the encoder's, and the config does not assign them.
    """
    spec = screen.load(config)
    screen_channels = prepared.check_channels(
        spec.name, spec.channels, config.data.channels
    )
    key, wanted = "embed.checkpoint_channels", config.embed.checkpoint_channels
    if wanted:
        return network_files.sources(
            key, wanted, screen_channels, list(encoder_channels)
        )
    if screen_channels == tuple(encoder_channels):
        return tuple(range(len(screen_channels)))
    lacking = [name for name in encoder_channels if name not in spec.channels]
    if lacking:
        available, suggestion = (
            ", ".join(spec.channels),
            (
                name if name in encoder_channels else network_files.MEAN
                for name in screen_channels
            ),
        )
        advice = (
            f"this screen has no {' and no '.join(lacking)}, but {available}; say for "
            "each of its channels which of the encoder's it stands for, or mean, as "
            f"in --config.{key}={','.join(suggestion)}"
        )
    else:
        advice = f"set --config.data.channels={','.join(encoder_channels)}"
    raise InputError(
        f"the encoder of {folder} takes the channels {', '.join(encoder_channels)}, "
        f"but config.data.channels gives it {', '.join(screen_channels)}: {advice}"
    )
