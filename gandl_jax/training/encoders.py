"""The encoders that embed a screen: from checkpoints or a file, and untrained ones."""

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

from gandl_jax import checkpoint, hosts, logs, parallel
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, nearest
from gandl_jax.methods import step_choice
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

SIZES = ("data.crop_px", "model.input_px")  # besides those that the method names


@dataclasses.dataclass(frozen=True)
class Encoder:
    """An encoder: profile name, provenance, loader.

    Attributes:
      name: of its profiles, "gan@500".
      note: provenance that is kept with its features.
      weights: loads the weights that the method's `embed` takes; slow.
      trained_on: the records that it saw, as in `seen_table.make`; None if the note
        holds for all of them.
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
      steps: up to the newest undamaged one, oldest first.
    """

    folder: epath.Path
    saved: checkpoint.Checkpoints
    steps: list[int]

    def source(self) -> Source:
        """Returns the source of the newest step; this screen may have another."""
        return sources.read(self.saved.notes(self.steps[-1]))


def find_trained(config, workdir: epath.Path) -> Trained | None:
    """Finds the training that `config.embed` names; None if that is a file.

    Args:
      config: of this experiment.
      workdir: of this experiment.

    Raises:
      RunError: none of its checkpoints is whole.
    """
    if network_files.is_file(config.embed.checkpoint):
        return None
    folder = epath.Path(config.embed.checkpoint or workdir)
    saved = checkpoint.Checkpoints(folder)
    return Trained(folder, saved, hosts.once(lambda: _whole_steps(saved)))


def _whole_steps(saved: checkpoint.Checkpoints) -> list[int]:
    def pass_over(step: int, why: str) -> None:
        print(f"embed     checkpoint {step} is passed over: {why}", flush=True)

    return saved.usable_steps(pass_over)


def choose(
    config,
    trained_config,
    method,
    dataset: prepared.Prepared,
    trained: Trained | None,
    source: Source,
) -> Iterator[Encoder]:
    """Chooses the encoders that `config.embed` asks for.

    Args:
      config: of this experiment.
      trained_config: config of the encoder, as from `opening.encoder_config`.
      method: of `trained_config`.
      dataset: the prepared screen that is embedded.
      trained: as from `find_trained`.
      source: of the records that the encoder was trained on.

    Raises:
      InputError: no such checkpoint, or one of another architecture.
    """
    if trained is None:
        _check_file_steps(config.embed.steps)
        return _file_encoders(config, trained_config, method)
    steps = _steps(config.embed.steps, trained)
    for step in steps:
        architecture = sources.architecture(trained_config, source)
        trained.saved.check(step, architecture, configs.defaults(trained_config))
    if source.classes:
        print(
            f"embed     the encoder learnt with the labels {trained_config.data.label} "
            "of its images: where it saw a screen, scores on that column are too good"
        )
    return _checkpoint_encoders(config, trained_config, method, dataset, trained, steps)


def _steps(wanted: Sequence[str], trained: Trained) -> list[int]:
    """Chooses checkpoints by `config.embed.steps`, which may name rules and all.

    Raises:
      InputError: as in `choose_steps`; or the training did not log what a rule looks
        at.
    """
    steps = trained.steps
    named = hosts.once(
        lambda: step_choice.named(wanted, steps, logs.read(trained.folder))
    )
    for rule in named.keys() - {step_choice.ALL}:
        print(f"embed     {rule} chooses the checkpoint {named[rule][0]}", flush=True)
    chosen = [str(step) for name in wanted for step in named.get(name, [name])]
    others = (step_choice.ALL, *step_choice.names())
    return choose_steps(chosen, steps, others=others)


def _checkpoint_encoders(
    config, trained_config, method, dataset, trained: Trained, steps: Sequence[int]
) -> Iterator[Encoder]:
    """Encoders of the chosen checkpoints.

    An untrained one is added if training started from given weights.
    """
    folder, saved = trained.folder, trained.saved
    name, start = trained_config.method.name, workdirs.noted(folder, "start")
    with contextlib.closing(saved):
        for step in steps:
            load = functools.cache(functools.partial(restore, method, saved, step))
            note = {"weights": config.embed.weights}
            seen = seen_records.find(folder, trained_config, step, dataset)
            note["saw_images"] = seen.any_image
            published = (
                starting_weights.named_by(trained_config) == starting_weights.PUBLISHED
            )
            if configs.label_columns(trained_config) and (
                step or start and not published
            ):
                note["learnt_label"] = trained_config.data.label
            if config.embed.checkpoint:
                note["encoder"] = origin(folder, trained_config, load())
            else:  # after a rollback, another encoder may have had this step
                note["weights_sha256"] = fingerprint(load())
            noted_seen = Seen.from_note(len(seen), note)
            table = (
                None
                if seen.same_as(noted_seen)
                else seen_table.make(dataset.table, seen)
            )
            if step or not start:
                yield Encoder(f"{name}@{step}", note, load, table)
                continue
            note["start"] = {key: start[key] for key in ("from", "sha256")}
            yield Encoder(feature_set.start_name(name), note, load, table)
            yield untrained(trained_config, method)


def _check_file_steps(wanted: Sequence[str]) -> None:
    for step in wanted:
        if step not in ("first", "last"):
            raise InputError(
                f"config.embed.steps names {step!r}, and a network in a file has no "
                "steps: name last (that network), first (the same untrained), or both"
            )


def _file_encoders(config, trained_config, method) -> Iterator[Encoder]:
    """Encoders of a file: its own, and an untrained one of the same sizes."""
    if "first" in config.embed.steps:
        yield untrained(trained_config, method)
    if "last" not in config.embed.steps:
        return
    path, weights = config.embed.checkpoint, network_files.weights_module(config)
    network, sizes = network_files.read_encoder(config, path)
    sources = network_files.sources_in_file(
        "embed.checkpoint_channels",
        config.embed.checkpoint_channels,
        trained_config.data.channels,
        sizes.channels,
    )
    encoder = jax.tree.map(jnp.asarray, weights.encoder(network, sources))
    file_path = epath.Path(path)
    origin = {
        "file": file_path.name,
        "weights_sha256": network_files.fingerprint(path),
        "channels": list(sources),
    }
    if sizes.classes:
        origin["classes"] = sizes.classes
        print(
            f"embed     the network in {path} learnt with labels of {sizes.classes} "
            "classes: where it saw a screen, scores on what they say are too good"
        )
    yield Encoder(
        feature_set.named(trained_config.method.name, file_path.stem),
        {"saw_images": None, "encoder": origin},
        lambda: encoder,
    )


def untrained(trained_config, method) -> Encoder:
    """Returns the random encoder that a training of this config starts from."""

    def make() -> Any:
        key = loop.stream_key(trained_config, loop.INIT)
        return method.items(parallel.on_one(method.init)(key))["encoder"]

    flat, options = (
        configs.plain(trained_config),
        configs.method_options(trained_config.method.name),
    )
    sizes = {key: flat[key] for key in (*SIZES, *options.ARCHITECTURE)}
    note = {"saw_images": False, "random": sizes}
    return Encoder(f"{trained_config.method.name}@0", note, functools.cache(make))


def restore(method, saved: checkpoint.Checkpoints, step: int) -> Any:
    """Restores the encoder of a checkpoint, and nothing else."""
    like = jax.eval_shape(lambda key: method.items(method.init(key)), jax.random.key(0))
    return saved.restore(step, "encoder", parallel.on_one_device(like["encoder"]))


def origin(folder: epath.Path, trained_config, encoder: Any) -> dict[str, str | None]:
    """Describes the origin of another experiment's encoder, without its folder."""
    return {
        "experiment": trained_config.name,
        "dataset": screen.load(trained_config).name,
        "prepared": workdirs.noted(folder, "prepared"),
        "weights_sha256": fingerprint(encoder),
    }


def fingerprint(encoder: Any) -> str:
    """SHA-256, in hex, of an encoder's numbers."""
    digest = hashlib.sha256()
    for array in jax.tree.leaves(encoder):
        digest.update(np.asarray(array).tobytes())
    return digest.hexdigest()


def choose_steps(
    wanted: Sequence[str],
    steps: Sequence[int],
    key: str = "embed.steps",
    others: Sequence[str] = (),
) -> list[int]:
    """Chooses checkpoints by what a key of the config names.

    Args:
      wanted: "first", "last" or numbers.
      steps: of all checkpoints, oldest first.
      key: of the config, for the message.
      others: further names that the key may have, for the message.

    Raises:
      InputError: there is no checkpoint, or not the one that is named.
    """
    if not steps:
        raise InputError("there is no checkpoint in the workdir: run --job=train first")
    named = {
        "first": steps[0],
        "last": steps[-1],
        **{str(step): step for step in steps},
    }
    for name in wanted:
        if name not in named:
            raise InputError(
                f"config.{key}: there is no checkpoint {name!r}; "
                f"{nearest(name, [*named, *others])}"
            )
    return sorted({named[name] for name in wanted})
