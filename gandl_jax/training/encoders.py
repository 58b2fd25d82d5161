"""The encoders that embed a screen: of checkpoints or of a file, and untrained ones."""

import contextlib
import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import checkpoint, hosts, parallel
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, nearest
from gandl_jax.methods.source import Source
from gandl_jax.prepared import prepared
from gandl_jax.profiles import feature_set, seen_table
from gandl_jax.profiles.seen import Seen
from gandl_jax.raw import screen
from gandl_jax.training import (
    loop,
    network_files,
    seen_records,
    sources,
    starting_weights,
)

SIZES = ("data.crop_px", "model.input_px")  # beside those that the method names


@dataclasses.dataclass(frozen=True)
class Encoder:
    """An encoder: profile name, provenance, loader.

    Attributes:
      name: of its profiles, "gan@500".
      note: what is to be remembered of it beside its features.
      weights: gives what the method's `embed` takes; slow.
      trained_on: what it saw of each record, as of `seen_table.make`, where the note
        does not say it of all of them.
    """

    name: str
    note: dict[str, Any]
    weights: Callable[[], Any]
    trained_on: pd.DataFrame | None = None


@dataclasses.dataclass(frozen=True)
class Trained:
    """The checkpoints of the training whose encoder embeds.

    Attributes:
      folder: its workdir.
      saved: its checkpoints.
      steps: up to the newest that is as it was written, oldest first.
    """

    folder: epath.Path
    saved: checkpoint.Checkpoints
    steps: list[int]

    def source(self) -> Source:
        """What it learnt from, which this screen need not have; of the newest step."""
        return sources.read(self.saved.notes(self.steps[-1]))


def find_trained(config, workdir: epath.Path) -> Trained | None:
    """The training that `config.embed` names; None where that is a file.

    Args:
      config: of this experiment.
      workdir: of this experiment.

    Raises:
      RunError: not one of its checkpoints is whole.
    """
    if network_files.is_file(config.embed.checkpoint):
        return None
    folder = epath.Path(config.embed.checkpoint or workdir)
    saved = checkpoint.Checkpoints(folder)
    return Trained(folder, saved, hosts.once(lambda: _whole_steps(saved)))


def _whole_steps(saved: checkpoint.Checkpoints) -> list[int]:
    def pass_over(step: int, why: str) -> None:
        print(f"embed     checkpoint {step} is passed over: {why}", flush=True)

    newest = saved.newest(pass_over)
    return [] if newest is None else [s for s in saved.steps() if s <= newest]


def choose(
    config,
    theirs,
    method,
    dataset: prepared.Prepared,
    trained: Trained | None,
    source: Source,
) -> Iterator[Encoder]:
    """The encoders that `config.embed` asks for.

    Args:
      config: of this experiment.
      theirs: of the encoder, as of `opening.encoder_config`.
      method: of that config.
      dataset: the prepared screen that is embedded.
      trained: as of `find_trained`.
      source: that the encoder learnt from.

    Raises:
      InputError: no such checkpoint, or one of another architecture.
    """
    if trained is None:
        _check_of_file(config.embed.steps)
        return _of_file(config, theirs, method)
    steps = choose_steps(config.embed.steps, trained.steps)
    for step in steps:
        architecture = sources.architecture(theirs, source)
        trained.saved.check(step, architecture, configs.defaults(theirs))
    if source.classes:
        print(
            f"embed     the encoder learnt with the labels {theirs.data.label} of its "
            "images: where it saw a screen, scores on that column are too good"
        )
    return _of_steps(config, theirs, method, dataset, trained, steps)


def _of_steps(
    config, theirs, method, dataset, trained: Trained, steps: Sequence[int]
) -> Iterator[Encoder]:
    """Encoders of the chosen checkpoints.

    And an untrained one, if training started from given weights.
    """
    folder, saved = trained.folder, trained.saved
    name, start = theirs.method.name, workdirs.noted(folder, "start")
    with contextlib.closing(saved):
        for step in steps:
            load = functools.cache(functools.partial(restore, method, saved, step))
            note = {"weights": config.embed.weights}
            seen = seen_records.find(folder, theirs, step, dataset)
            note["saw_images"] = seen.any_image
            published = starting_weights.named_by(theirs) == starting_weights.PUBLISHED
            if configs.label_columns(theirs) and (step or start and not published):
                note["learnt_label"] = theirs.data.label
            if config.embed.checkpoint:
                note["encoder"] = origin(folder, theirs, load())
            else:  # of this step there may be others, after it went back
                note["weights_sha256"] = fingerprint(load())
            told = Seen.from_note(len(seen), note)
            table = None if seen.same_as(told) else seen_table.make(dataset.table, seen)
            if step or not start:
                yield Encoder(f"{name}@{step}", note, load, table)
                continue
            note["start"] = {key: start[key] for key in ("from", "sha256")}
            yield Encoder(feature_set.start_name(name), note, load, table)
            yield untrained(theirs, method)


def _check_of_file(wanted: Sequence[str]) -> None:
    for word in wanted:
        if word not in ("first", "last"):
            raise InputError(
                f"config.embed.steps names {word!r}, and a network in a file has no "
                "steps: name last (that network), first (the same untrained), or both"
            )


def _of_file(config, theirs, method) -> Iterator[Encoder]:
    """A file's, and an untrained one of the same sizes."""
    if "first" in config.embed.steps:
        yield untrained(theirs, method)
    if "last" not in config.embed.steps:
        return
    place, weights = config.embed.checkpoint, network_files.of_method(config)
    found, sizes = network_files.read_encoder(config, place)
    sources = network_files.sources_in_file(
        "embed.checkpoint_channels",
        config.embed.checkpoint_channels,
        theirs.data.channels,
        sizes.channels,
    )
    encoder = jax.tree.map(jnp.asarray, weights.encoder(found, sources))
    path = epath.Path(place)
    origin = {
        "file": path.name,
        "weights_sha256": network_files.fingerprint(place),
        "channels": list(sources),
    }
    if sizes.classes:
        origin["classes"] = sizes.classes
        print(
            f"embed     the network in {place} learnt with labels of {sizes.classes} "
            "classes: where it saw a screen, scores on what they say are too good"
        )
    yield Encoder(
        feature_set.named(theirs.method.name, path.stem),
        {"saw_images": None, "encoder": origin},
        lambda: encoder,
    )


def untrained(theirs, method) -> Encoder:
    """The encoder that a training of this config would start from by itself."""

    def make() -> Any:
        key = loop.stream_key(theirs, loop.INIT)
        return method.items(parallel.on_one(method.init)(key))["encoder"]

    flat, own = configs.plain(theirs), configs.method_options(theirs.method.name)
    sizes = {key: flat[key] for key in (*SIZES, *own.ARCHITECTURE)}
    note = {"saw_images": False, "random": sizes}
    return Encoder(f"{theirs.method.name}@0", note, functools.cache(make))


def restore(method, saved: checkpoint.Checkpoints, step: int) -> Any:
    """A checkpoint's encoder, and nothing else of it."""
    like = jax.eval_shape(lambda key: method.items(method.init(key)), jax.random.key(0))
    return saved.restore(step, "encoder", parallel.on_one_device(like["encoder"]))


def origin(folder: epath.Path, theirs, encoder: Any) -> dict[str, str | None]:
    """Where another experiment's encoder is from, wherever its workdir lies."""
    return {
        "experiment": theirs.name,
        "dataset": screen.load(theirs).name,
        "prepared": workdirs.noted(folder, "prepared"),
        "weights_sha256": fingerprint(encoder),
    }


def fingerprint(encoder: Any) -> str:
    """SHA-256, in hex, of an encoder's numbers."""
    digest = hashlib.sha256()
    for array in jax.tree.leaves(encoder):
        digest.update(np.asarray(array).tobytes())
    return digest.hexdigest()


def choose_steps(wanted: tuple[str, ...], steps: list[int]) -> list[int]:
    """The checkpoints to embed with.

    Args:
      wanted: "first", "last" or numbers.
      steps: those that there are, oldest first.

    Raises:
      InputError: there is none, or not that one.
    """
    if not steps:
        raise InputError("there is no checkpoint in the workdir: run --job=train first")
    named = {"first": steps[0], "last": steps[-1], **{str(s): s for s in steps}}
    for name in wanted:
        if name not in named:
            raise InputError(
                f"config.embed.steps: there is no checkpoint {name!r}; "
                f"{nearest(name, named)}"
            )
    return sorted({named[name] for name in wanted})
