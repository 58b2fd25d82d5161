"""The job `embed`: writes feature sets of every record, from encoders and floors.

It needs only the encoders of a training, at the steps that the config names.
"""

import functools
from collections.abc import Sequence

from etils import epath

from gandl_jax.profiles import floors, store
from gandl_jax.reading import labelling
from gandl_jax.training import classical_needs, opening

ON_ALL_HOSTS = True
CROPS = True


def check(config, workdir: epath.Path, before: Sequence[str]) -> None:
    """Refuses an encoder or a screen that is not there, before anything is run.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      before: jobs that run first, which may yet prepare the screen.

    Raises:
      InputError: no such encoder, or one for other channels or tiles; no prepared
        screen; no such channel of nuclei, or no library for the classical features that
        are asked for.
    """
    opening.encoder_config(config)
    classical_needs.check(config)
    if not before:
        opening.open_dataset(config)


def run(config, workdir: epath.Path) -> None:
    """Embeds every record of the prepared screen; finished parts are not repeated.

    Raises:
      InputError: no prepared screen, no checkpoint, or one with another architecture.
    """
    from gandl_jax import compilation, hosts, parallel  # slow
    from gandl_jax.training import (  # slow
        classical_set,
        embedding,
        embedding_cost,
        opened_encoders,
        pooling,
        reuse,
    )

    compilation.enable_cache()
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.embed.batch, len(devices), 1)
    opened = opened_encoders.open_encoders(config, workdir)
    dataset, channels, method = opened.dataset, opened.channels, opened.method
    hosts.agree({"the screen in config.data.dir": dataset.fingerprint})
    on_bad = opening.bad_records_policy(config, dataset, workdir)
    profiles = workdir / "profiles" / dataset.name
    made_from = {"prepared": dataset.fingerprint, "channels": list(channels)}
    if opening.takes_other_channels(config):
        made_from["stand_for"] = list(config.embed.checkpoint_channels)
    if on_bad:
        made_from["skips_bad_records"] = True
    seen_how = {}
    if config.embed.orientations > 1:
        seen_how["orientations"] = config.embed.orientations
    if config.embed.more_sets:
        seen_how["more_sets"] = sorted(config.embed.more_sets)

    def begins(directory: epath.Path, note: dict, trained_on=None) -> bool:
        """Claims a set and notes its labels; tells whether it must be written."""
        due = hosts.once(lambda: store.claim(directory, note, trained_on))
        if due:
            hosts.once(lambda: labelling.note_written(config, workdir, directory))
            hosts.once(lambda: reuse.copy_parts(config, directory))
        return due

    embed = parallel.map_batch(method.embed, devices)
    for encoder in opened.encoders:
        directory = profiles / encoder.name
        if not begins(
            directory, made_from | encoder.note | seen_how, encoder.trained_on
        ):
            continue
        weights = encoder.weights()
        hosts.once(
            functools.partial(embedding.write_summary, directory, method, weights)
        )
        encode = functools.partial(embed, weights)
        sets = functools.partial(
            embedding.encoded,
            dataset,
            config,
            pooling.over_orientations(encode, config.embed.orientations),
            pooling.pool_function(method, weights),
            on_bad,
        )
        embedding_cost.write_set(workdir, directory, dataset, sets, devices)
    intensity = profiles / floors.INTENSITY
    if begins(intensity, made_from | {"saw_images": False}):
        measure = functools.partial(embedding.intensities, dataset, channels, on_bad)
        embedding_cost.write_set(workdir, intensity, dataset, measure, ())
    classical, dataset_and_channels = profiles / floors.CLASSICAL, (dataset, channels)
    note = hosts.once(
        lambda: classical_set.plan(config, classical, *dataset_and_channels, made_from)
    )
    if note and begins(classical, note):
        measure = functools.partial(
            classical_set.write, config, classical, *dataset_and_channels, on_bad
        )
        hosts.once(
            lambda: embedding_cost.measured(workdir, classical, dataset, measure, ())
        )
