"""Networks that a training starts from: in an .npz file, or of another training.

A training that has begun needs them no more: they may be moved or deleted, but not
replaced by others.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.methods import backbone_options
from gandl_jax.prepared import prepared
from gandl_jax.raw import screen
from gandl_jax.training import network_files, opening, sources, training_records

KEY = "train.start_channels"
PUBLISHED = "model.weights"  # of methods that have a published network


def named_by(config: ml_collections.ConfigDict) -> str:
    """Returns the key that names the starting networks; "" if they are random.

    Another training's networks come before published ones, which those started from.
    """
    if config.train.start_from:
        return "train.start_from"
    return PUBLISHED if configs.plain(config).get(PUBLISHED) else ""


def check(config: ml_collections.ConfigDict, workdir: epath.Path) -> None:
    """Refuses networks that the training cannot start from; imports nothing slow.

    Raises:
      InputError: the networks are missing, damaged, or do not fit the config; or the
        training in the workdir has started from others.
    """
    origin = config.train.start_from
    if not origin:
        return
    begun = _begun(workdir)
    if begun is None:
        find(config)
    elif origin != begun["from"] and _fingerprint(origin) != begun["sha256"]:
        raise InputError(
            f"the training in {workdir} started from {begun['from']}, and {origin} "
            "holds something else: go back to it, or choose another --workdir"
        )


def describe(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Describes the starting networks, as plain data.

    Returns:
      "from", file or workdir; "sha256" of its content; "trained_on", the screens whose
      images they have seen, None if unknown; for another training "experiment" and
      "step".
    """
    if named_by(config) == PUBLISHED:
        return backbone_options.origin(config.model.weights)
    origin = config.train.start_from
    known = {"from": origin, "sha256": _fingerprint(origin)}
    if network_files.is_file(origin):
        return known | {"trained_on": None}
    folder = epath.Path(origin)
    trained_config = workdirs.read_config(folder)
    before = workdirs.noted(folder, "start")
    seen = [seen_by(folder, trained_config)]
    if before:
        seen = before["trained_on"] and [*seen, *before["trained_on"]]
    return known | {
        "experiment": trained_config.name,
        "step": opening.newest_step(folder),
        "trained_on": seen,
    }


def seen_by(folder: epath.Path, trained_config) -> dict[str, str | None]:
    """Describes the images that a training saw: screen, preparation and sites."""
    return {
        "dataset": screen.load(trained_config).name,
        "prepared": workdirs.noted(folder, "prepared"),
        "metadata_sha256": workdirs.noted(folder, "metadata_sha256"),
    }


@dataclasses.dataclass(frozen=True)
class Fitting:
    """Networks that fit the config.

    Attributes:
      networks: of a file; None if they are in a workdir.
      sources: the networks' channel, by index, for each of the screen's; None is
        the mean of all.
      channels: the same as text; "" if the channels are the same.
    """

    networks: Any
    sources: tuple[int | None, ...]
    channels: str


def find(config: ml_collections.ConfigDict) -> Fitting:
    """Finds the networks that a new training starts from; imports nothing slow.

    Raises:
      InputError: as in `check`.
    """
    origin = config.train.start_from
    spec = screen.load(config)
    channels = prepared.check_channels(spec.name, spec.channels, config.data.channels)
    networks, wanted = None, config.train.start_channels
    if network_files.is_file(origin):
        weights = network_files.weights_module(config)
        networks, sizes = network_files.read(config, origin)
        names = network_files.numbered(sizes.channels)
        chosen = network_files.sources_in_file(KEY, wanted, channels, sizes.channels)
        classes = _count_classes(config, sizes.classes)
        our_sizes = weights.sizes(config, channels, classes)
        weights.refuse_other_sizes(origin, our_sizes, sizes)
    else:
        trained_config = _trained(config, epath.Path(origin))
        names = trained_config.data.channels
        matching = [name if name in names else network_files.MEAN for name in channels]
        chosen = network_files.sources(KEY, wanted or matching, channels, names)
        _refuse_other_sizes(origin, config, channels, trained_config)
    is_same = chosen == tuple(range(len(names)))
    text = "" if is_same else _channel_text(channels, names, chosen)
    return Fitting(networks, chosen, text)


def _refuse_other_sizes(
    origin: str, config, channels: Sequence[str], trained_config
) -> None:
    """Refuses networks of another training if their sizes differ.

    Their classes are compared by name in `starting_state`.
    """
    weights = modules.part("methods", config.method.name, "weights")
    if weights:
        classes = int(bool(config.data.label))
        our_sizes = weights.sizes(config, channels, classes)
        their_sizes = weights.sizes(
            trained_config, trained_config.data.channels, classes
        )
        weights.refuse_other_sizes(origin, our_sizes, their_sizes)
        return
    our_sizes, their_sizes = (
        configs.architecture(each_config, ())
        for each_config in (config, trained_config)
    )
    sizes = (
        our_sizes.keys() - {"model.dtype"} - replaced(config)
    )  # float32 in any dtype
    flags = [
        f"--config.{key}={their_sizes[key]}"
        for key in sizes
        if our_sizes[key] != their_sizes[key]
    ]
    if flags:
        raise InputError(
            f"{origin} holds networks of other sizes than the config's: set "
            f"{' '.join(sorted(flags))}"
        )


def replaced(config) -> set[str]:
    """Returns the keys that may differ, as the method replaces their networks."""
    return set(getattr(configs.method_options(config.method.name), "REPLACED", ()))


def _channel_text(
    channels: Sequence[str], names: Sequence[str], chosen: Sequence[int | None]
) -> str:
    pairs = (
        f"{channel} from {'the mean' if source is None else names[source]}"
        for channel, source in zip(channels, chosen, strict=True)
    )
    return ", ".join(pairs)


def _trained(config, folder: epath.Path) -> ml_collections.ConfigDict:
    """Reads the config of another training that has made a step."""
    if not folder.is_dir():
        raise InputError(
            f"config.train.start_from={folder} is neither a folder nor an .npz file: "
            "name a workdir, or a file of networks (docs/weights.md)"
        )
    trained_config = opening.read_trained(folder)
    if not opening.newest_step(folder):
        raise InputError(
            f"{folder} holds no trained network: run its --job=train first"
        )
    if trained_config.method.name != config.method.name:
        raise InputError(
            f"{folder} was trained by the method {trained_config.method.name}, this "
            f"config's is {config.method.name}: start from a training by the same "
            "method"
        )
    if bool(trained_config.data.label) != bool(config.data.label):
        raise InputError(
            f"{folder} was trained with "
            f"config.data.label={trained_config.data.label!r}, this config's is "
            f"{config.data.label!r}: name a column in both, or in none"
        )
    return trained_config


def _count_classes(config, in_file: int) -> int:
    """Returns the number of classes of `config.data.label`.

    Without a prepared screen it is the number in the file, and at least one.
    """
    if not config.data.label:
        return 0
    if not prepared.is_complete(config.data.dir):
        return max(in_file, 1)
    return len(sources.all_classes(training_records.open_records(config).source))


def _begun(workdir: epath.Path) -> dict[str, Any] | None:
    """Returns the note of what a begun training started from; None if not begun."""
    if opening.newest_step(workdir) is None:
        return None
    return workdirs.noted(workdir, "start")


def _fingerprint(origin: str) -> str:
    """SHA-256 of a file's bytes, or of a workdir's identity (not of its steps)."""
    if network_files.is_file(origin):
        return network_files.fingerprint(origin)
    folder = epath.Path(origin)
    identity = configs.identity(workdirs.read_config(folder))
    identity |= {"prepared": workdirs.noted(folder, "prepared")}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
