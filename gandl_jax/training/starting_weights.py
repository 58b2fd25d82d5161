"""Networks that a training starts from: of an .npz file, or of another training.

A training that has begun needs them no more: they may be moved or deleted, while others
in their place are refused.
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
    """The key that names what a training starts from; "" where that is random.

    Another training's networks come before published ones, which those started from.
    """
    if config.train.start_from:
        return "train.start_from"
    return PUBLISHED if configs.plain(config).get(PUBLISHED) else ""


def check(config: ml_collections.ConfigDict, workdir: epath.Path) -> None:
    """Refuses what the training cannot start from; imports nothing slow.

    Raises:
      InputError: nothing is there, it is damaged, or does not fit the config; or the
        training in the workdir has started from something else.
    """
    place = config.train.start_from
    if not place:
        return
    begun = _begun(workdir)
    if begun is None:
        find(config)
    elif place != begun["from"] and _fingerprint(place) != begun["sha256"]:
        raise InputError(
            f"the training in {workdir} started from {begun['from']}, and {place} "
            "holds something else: go back to it, or choose another --workdir"
        )


def describe(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """What is to be remembered of it, as plain data.

    Returns:
      "from", its place; "sha256", of its content; "trained_on", the screens whose
      images it has seen, None where nobody knows; of another training "experiment" and
      "step".
    """
    if named_by(config) == PUBLISHED:
        return backbone_options.origin(config.model.weights)
    place = config.train.start_from
    known = {"from": place, "sha256": _fingerprint(place)}
    if network_files.is_file(place):
        return known | {"trained_on": None}
    folder = epath.Path(place)
    theirs = workdirs.read_config(folder)
    before = workdirs.noted(folder, "start")
    seen = [seen_by(folder, theirs)]
    if before:
        seen = before["trained_on"] and [*seen, *before["trained_on"]]
    return known | {
        "experiment": theirs.name,
        "step": opening.newest_step(folder),
        "trained_on": seen,
    }


def seen_by(folder: epath.Path, theirs) -> dict[str, str | None]:
    """Which images a training saw: the screen, its preparation, its sites."""
    return {
        "dataset": screen.load(theirs).name,
        "prepared": workdirs.noted(folder, "prepared"),
        "metadata_sha256": workdirs.noted(folder, "metadata_sha256"),
    }


@dataclasses.dataclass(frozen=True)
class Fitting:
    """Networks that fit the config.

    Attributes:
      networks: of a file; None where a workdir has them.
      sources: for each of our channels the position of theirs; None is their mean.
      words: the same to be read; "" where the channels are the same.
    """

    networks: Any
    sources: tuple[int | None, ...]
    words: str


def find(config: ml_collections.ConfigDict) -> Fitting:
    """Finds the networks that a new training starts from; imports nothing slow.

    Raises:
      InputError: as `check`.
    """
    place = config.train.start_from
    spec = screen.load(config)
    ours = prepared.check_channels(spec.name, spec.channels, config.data.channels)
    networks, wanted = None, config.train.start_channels
    if network_files.is_file(place):
        weights = network_files.of_method(config)
        networks, sizes = network_files.read(config, place)
        names = network_files.numbered(sizes.channels)
        chosen = network_files.sources_in_file(KEY, wanted, ours, sizes.channels)
        classes = _count_classes(config, sizes.classes)
        ours_sizes = weights.sizes(config, ours, classes)
        weights.refuse_other_sizes(place, ours_sizes, sizes)
    else:
        theirs = _trained(config, epath.Path(place))
        names = theirs.data.channels
        usual = [n if n in names else network_files.MEAN for n in ours]
        chosen = network_files.sources(KEY, wanted or usual, ours, names)
        _refuse_other_sizes(place, config, ours, theirs)
    is_same = chosen == tuple(range(len(names)))
    words = "" if is_same else _channel_words(ours, names, chosen)
    return Fitting(networks, chosen, words)


def _refuse_other_sizes(place: str, config, ours: Sequence[str], theirs) -> None:
    """Refuses another training's networks of other sizes.

    Their classes are compared by name in `starting_state`.
    """
    weights = modules.part("methods", config.method.name, "weights")
    if weights:
        classes = int(bool(config.data.label))
        mine = weights.sizes(config, ours, classes)
        there = weights.sizes(theirs, theirs.data.channels, classes)
        weights.refuse_other_sizes(place, mine, there)
        return
    mine, there = (configs.architecture(c, ()) for c in (config, theirs))
    sizes = mine.keys() - {"model.dtype"} - replaced(config)  # float32 in any dtype
    other = [f"--config.{k}={there[k]}" for k in sizes if mine[k] != there[k]]
    if other:
        raise InputError(
            f"{place} holds networks of other sizes than the config's: set "
            f"{' '.join(sorted(other))}"
        )


def replaced(config) -> set[str]:
    """Keys that the method lets differ, for it makes anew what depends on them."""
    return set(getattr(configs.method_options(config.method.name), "REPLACED", ()))


def _channel_words(
    ours: Sequence[str], names: Sequence[str], chosen: Sequence[int | None]
) -> str:
    parts = (
        f"{own} from {'the mean' if source is None else names[source]}"
        for own, source in zip(ours, chosen, strict=True)
    )
    return ", ".join(parts)


def _trained(config, folder: epath.Path) -> ml_collections.ConfigDict:
    """The config of another training, which has come further than its start."""
    if not folder.is_dir():
        raise InputError(
            f"config.train.start_from={folder} is neither a folder nor an .npz file: "
            "name a workdir, or a file of networks (docs/weights.md)"
        )
    theirs = opening.read_trained(folder)
    if not opening.newest_step(folder):
        raise InputError(
            f"{folder} holds no trained network: run its --job=train first"
        )
    if theirs.method.name != config.method.name:
        raise InputError(
            f"{folder} was trained by the method {theirs.method.name}, this config's "
            f"is {config.method.name}: start from a training by the same method"
        )
    if bool(theirs.data.label) != bool(config.data.label):
        raise InputError(
            f"{folder} was trained with config.data.label={theirs.data.label!r}, this "
            f"config's is {config.data.label!r}: name a column in both, or in none"
        )
    return theirs


def _count_classes(config, there: int) -> int:
    """How many `config.data.label` tells apart.

    Where there is no prepared screen yet to know it, as many as there are in the file,
    and one at least.
    """
    if not config.data.label:
        return 0
    if not prepared.is_complete(config.data.dir):
        return max(there, 1)
    return len(sources.all_classes(training_records.open_records(config).source))


def _begun(workdir: epath.Path) -> dict[str, Any] | None:
    """What a training that has begun started from; None where there is none yet."""
    if opening.newest_step(workdir) is None:
        return None
    return workdirs.noted(workdir, "start")


def _fingerprint(place: str) -> str:
    """SHA-256 of a file's bytes, or of a workdir's identity (not of its steps)."""
    if network_files.is_file(place):
        return network_files.fingerprint(place)
    folder = epath.Path(place)
    made = configs.identity(workdirs.read_config(folder))
    made |= {"prepared": workdirs.noted(folder, "prepared")}
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
