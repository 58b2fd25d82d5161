"""Configs: defaults, options of a config file, overrides and their checks.

Nothing slow is imported here, so that a wrong config is refused at once; nor anything
that is missing on a machine that only embeds with an encoder file (`plain_config`).
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ml_collections

from gandl_jax import modules
from gandl_jax.config_defaults import DEFAULTS
from gandl_jax.config_text import options as options  # for config files
from gandl_jax.config_text import parse
from gandl_jax.errors import InputError, known, nearest

ALL_JOBS = ("prepare", "train", "embed", "evaluate", "report")
NORMALIZE = ("none", "standard", "robust", "whiten", "tvn", "coral")
NO_OPTIONS = ("tasks", "cluster", "classical", "nuclei")  # of `evaluate`
SCREEN_IMAGES = (  # keys of `screen` that assign images to records
    "screen.name",
    "screen.metadata",
    "screen.file",
    "screen.channels",
    "screen.channel_codes",
    "screen.ignored_files",
    "screen.key",
    "screen.columns.site_id",
    "screen.columns.cell",
)
# Keys of `screen` used in reading the images of OME plates.
SCREEN_OME = tuple(f"screen.ome.{key}" for key in DEFAULTS["screen"]["ome"])
# Keys of `screen` that former versions lacked: left out of digests if unset.
SCREEN_LATER = ("screen.wells_per_row",)
SCREEN_PLATES = ("screen.columns.plate", "screen.columns.experiment")


def default(method: str = "gan") -> ml_collections.ConfigDict:
    """Makes a config with all keys and defaults, and the options of a method.

    Args:
      method: a folder of gandl_jax/methods.

    Returns:
      A locked config: an experiment's file may change values but add no key.

    Raises:
      InputError: there is no such method.
    """
    import ml_collections

    return ml_collections.ConfigDict(every_key(method)).lock()


def every_key(method: str) -> dict[str, Any]:
    """Returns all keys and defaults as nested dictionaries.

    Raises:
      InputError: there is no such method.
    """
    known("method", method, modules.names("methods", "Method"))
    options = method_options(method)
    task_groups = {
        task: {"normalize": ""} | task_constant(task, "OPTIONS")
        for task in modules.names("tasks", "run")
    }
    screen_keys = {
        key: value
        for screen in modules.names("screens", "SIMULATE")
        for key, value in modules.constant("screens", screen, "SIMULATE").items()
    }
    job_groups = {
        job: job_constant(job, "OPTIONS") for job in modules.names("jobs", "OPTIONS")
    }
    changed = {
        "method": {"name": method, **options.OPTIONS},
        "model": options.MODEL,
        "evaluate": {"features": options.FEATURES, **task_groups},
        "simulate": screen_keys,
    }
    groups = {key: DEFAULTS[key] | values for key, values in changed.items()}
    return {**DEFAULTS, **groups, **job_groups}


def method_options(method: str) -> types.ModuleType:
    """Returns a method's module of options, see methods/contract.py, `Options`."""
    return modules.part("methods", method, "options")


def task_constant(task: str, marker: str) -> dict[str, Any]:
    """Returns OPTIONS, LOWEST or MOVED of a task; {} if it has none."""
    return modules.constant("tasks", task, marker) or {}


def job_constant(job: str, marker: str) -> dict[str, Any]:
    """Returns OPTIONS, a job's group of the config, or LOWEST; {} if it has none."""
    return modules.constant("jobs", job, marker) or {}


def task_options(config: ml_collections.ConfigDict, task: str) -> dict[str, Any]:
    """Returns the options of a task: those of all tasks, overridden by its own.

    Args:
      config: of the experiment; its evaluate is read.
      task: a module of gandl_jax/tasks; its `normalize` "" takes that of all tasks,
        and if it TELLS_DOSES it is given their unit.
    """
    shared = {
        key: value
        for key, value in config.evaluate.items()
        if key not in NO_OPTIONS and not is_group(value)
    }
    task_group = dict(config.evaluate[task])
    task_group["normalize"] = task_group["normalize"] or shared["normalize"]
    if task_constant(task, "TELLS_DOSES"):
        task_group["dose_unit"] = config.data.dose_unit
    return shared | task_group


def splits(config: ml_collections.ConfigDict) -> dict[str, tuple[str, ...]]:
    """Returns {full key: texts of splits}: those that tasks share, and each task's."""
    flat = flatten(config.evaluate, "evaluate.")
    return {key: texts for key, texts in flat.items() if key.endswith(".splits")}


def small(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Sets a network and a run that two cores finish in minutes (all ours).

    For pictures the number of steps matters, not of images: on a CPU 4 images per step
    take a quarter of the time of 16, and are drawn as well (docs/trials.md).
    """
    config.data.crop_px = 64
    config.train.update(
        batch=4,
        devices=1,
        total_images=8_000,
        log_every_images=160,
        grid_every_images=4_000,
        checkpoint_every_images=2_000,
    )
    config.embed.batch = 64
    method_options(config.method.name).small(config)
    return config


def tune(
    config: ml_collections.ConfigDict, method: str, settings: Mapping[str, Any]
) -> None:
    """Sets keys that suit a screen, if its config is of a certain method.

    Args:
      config: changed in place.
      method: that the keys belong to; other methods' configs stay unchanged.
      settings: full key ("method.learning_rate") to value.
    """
    if config.method.name == method:
        config.update_from_flattened_dict(dict(settings))


def apply_recipe(
    config: ml_collections.ConfigDict, method: str, recipe: str
) -> ml_collections.ConfigDict:
    """Applies a method's recipe, if the config is of that method.

    Raises:
      InputError: the method has no such recipe.
    """
    recipes = method_options(method).RECIPES
    known(f"recipe of the method {method}", recipe, recipes)
    tune(config, method, recipes[recipe])
    return config


def augmented(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Applies GAN-DL's recipe for few images, if the config is of that method."""
    return apply_recipe(config, "gan", "few_images")


def labelled_cells(
    config: ml_collections.ConfigDict, name: str, *, side_px: int, group: str
) -> ml_collections.ConfigDict:
    """Sets keys shared by screens of single cells with a class and two parts.

    Networks see whole cells. No method trains on the part for reporting; whole groups
    are held out for scoring.

    Args:
      config: changed in place.
      name: of the screen, which has Metadata_Class and Metadata_Part.
      side_px: of its images.
      group: a Metadata_* column in small letters, of groups of cells that scores should
        not profit from; "record" if there is none.

    Returns:
      The config.
    """
    config.data.update(
        name=name,
        source_dir=f"data/raw/{name}",
        dir=f"data/{name}",
        crop_px=side_px,
    )
    config.model.input_px = 64
    config.embed.orientations = 8  # a record is one cell, whose orientation is noise
    tune(config, "classifier", {"data.label": "Class"})
    from gandl_jax.recipe_parts import CHOOSING_FRAC  # reads tables

    config.train.hold_out = "part:reporting"
    config.compare.aside_frac = CHOOSING_FRAC  # counted by the screen's own parts
    config.evaluate.label_classification.update(label="Class", splits=(group,))
    config.evaluate.bootstrap_unit = group
    return config


def finish(
    config: ml_collections.ConfigDict, options: Mapping[str, Any]
) -> ml_collections.ConfigDict:
    """Applies the options that every config file takes: recipe=NAME, then smoke.

    Args:
      config: as the file makes it.
      options: as from `options`.
    """
    if recipe := options["recipe"]:
        apply_recipe(config, config.method.name, recipe)
        config.method.recipe = recipe
    return smoke(config) if options["smoke"] else config


def smoke(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Shrinks a config to seconds on a laptop, with all stages, learning nothing.

    It prepares into its own folders; a measured screen is prepared whole.
    """
    config.data.dir += "-smoke"
    drawn = modules.constant("screens", config.data.name, "SIMULATE") is not None
    if drawn:
        config.data.source_dir += "-smoke"
        config.simulate.update(modules.constant("screens", config.data.name, "SMOKE"))
    if config.model.input_px:  # then crops keep their size, as far as images have it
        config.model.input_px = 16
        if drawn:
            smaller_px = min(config.data.crop_px, config.simulate.size_px)
            config.data.crop_px = smaller_px
    else:
        config.data.crop_px = 16
    config.embed.orientations = 1
    config.data.records_per_shard = 64
    method_options(config.method.name).smoke(config)
    config.train.update(
        batch=32,
        devices=0,
        total_images=min(160, config.train.total_images),
        log_every_images=64,
        grid_every_images=96,
        checkpoint_every_images=96,
    )
    features = method_options(config.method.name).FEATURES
    config.evaluate.update(features=features, repeats=1, bootstrap_draws=100)
    config.evaluate.classical = "off"  # the library alone takes seconds to load
    return config


def override(config: ml_collections.ConfigDict, settings: Mapping[str, str]) -> None:
    """Applies `--config.KEY=VALUE` in place.

    Raises:
      InputError: an unknown key or a value of another type.
    """
    flat = flatten(config)
    moved = moved_keys(config.method.name)
    settings = {moved.get(key, key): text for key, text in settings.items()}
    for key, text in settings.items():
        _check_key(config, key, text, flat)
    for key, text in settings.items():
        *groups, last = key.split(".")
        target = config
        for name in groups:
            target = target[name]
        target[last] = parse(f"config.{key}", text, flat[key])


def set_keys(config: ml_collections.ConfigDict, values: Mapping[str, Any]) -> None:
    """Sets full keys ("train.batch") in place.

    Raises:
      InputError: an unknown key or a value of another type.
    """
    flat = flatten(config)
    for key in values:
        _check_key(config, key, str(values[key]), flat)
    try:
        config.update_from_flattened_dict(dict(values))
    except (TypeError, ValueError) as error:
        raise InputError(f"{str(error).splitlines()[0]} ({', '.join(values)})") from (
            error
        )


def _check_key(config, key: str, text: str, flat: Mapping[str, Any]) -> None:
    method_name = config.method.name
    if key == "method.name" and text != method_name:
        known("method", text, modules.names("methods", "Method"))
        raise InputError(
            f"config.method.name is {method_name} and brings its own options: choose "
            f"another with the file, as in --config=FILE.py:method={text}"
        )
    if key in flat:
        return
    group, _, last = key.partition(".")
    others = [
        name for name in modules.names("methods", "Method") if name != method_name
    ]
    for method in others if group in ("method", "model") else ():
        options = method_options(method)
        if last in flatten({"method": options.OPTIONS, "model": options.MODEL}[group]):
            raise InputError(
                f"config.{key} is an option of the method {method}, and this config's "
                f"is {method_name}: {nearest(key, flat)}"
            )
    raise InputError(f"the config has no key {key!r}: {nearest(key, flat)}")


def with_present_keys(stored: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Renames the keys of a stored flat config to this version's names."""
    moved = moved_keys(method)
    return {moved.get(key, key): value for key, value in stored.items()}


def moved_keys(method: str) -> dict[str, str]:
    """Returns {former full key: present key} of a method and the tasks."""
    moved = dict(getattr(method_options(method), "MOVED", {}))
    for task in modules.names("tasks", "run"):
        moved |= task_constant(task, "MOVED")
    return moved


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens a nested config: {"data.name": ..., ...}."""
    flat = {}
    for key, value in config.items():
        if is_group(value):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def is_group(value: Any) -> bool:
    """Whether a value of a config holds keys itself."""
    return hasattr(value, "items")


def all_jobs(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """Returns the jobs of --job=all; another experiment's encoder is not trained."""
    trains = not config.embed.checkpoint
    jobs = [job for job in ALL_JOBS if job != "train" or trains]
    if config.generate.after_training and trains:
        jobs.insert(jobs.index("train") + 1, "generate")
    return tuple(jobs)


def steps(images: int, batch: int) -> int:
    """Converts images to training steps, rounded up."""
    return -(-images // batch)


def identity(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Returns the keys that identify an experiment, flat and as plain data.

    All other keys (length of training, devices, policies, a custom screen's description
    of its records) may change between runs, as may keys that change no result (saving
    of memory, drawing of pictures), and the path of the networks that the training
    started from, but not their content: `training/starting_weights.py`.
    """
    kept = ("data.", "screen.", "model.", "method.", "seed")
    kept += ("train.batch", "train.start_channels")
    kept += ("train.hold_out", "train.validation")
    free = ("source_dir", "dir", "missing", "records_per_shard", "workers", "beam")
    free += ("outside", "bad_records", "bad_records_max_frac", "dose_unit")
    free = {f"data.{key}" for key in free} | {"method.recipe"}
    free |= set(method_options(config.method.name).FREE)
    flat, description = plain(config), screen_description(config).keys()
    if "plate" in (
        config.data.scaling,
        config.data.illumination,
    ):  # then the network's input depends on the plates
        description -= set(SCREEN_PLATES)
    free |= description
    return {
        key: value
        for key, value in flat.items()
        if key.startswith(kept) and key not in free
    }


def screen_description(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Returns the keys of `config.screen` that describe records, not images, flat."""
    flat = plain(config)
    return {
        key: value
        for key, value in flat.items()
        if key.startswith("screen.") and key not in (*SCREEN_IMAGES, *SCREEN_OME)
    }


def labels_use(config: ml_collections.ConfigDict) -> str:
    """Returns the method's use of labels: "none", "optional" or "needed"."""
    options = method_options(config.method.name)
    return options.labels(config) if hasattr(options, "labels") else options.LABELS


def label_columns(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """Returns the columns that are learnt, of config.data.label: "A,B" or quoted."""
    if labels_use(config) == "none":
        return ()
    return parse("config.data.label", config.data.label, ())


def architecture(
    config: ml_collections.ConfigDict,
    channels: Iterable[str],
    classes: Iterable[str] = (),
) -> dict[str, Any]:
    """Returns the keys that a checkpoint's arrays depend on, flat, as plain data."""
    flat, method_keys = plain(config), method_options(config.method.name).ARCHITECTURE
    kept = ("data.crop_px", "data.label", "method.name", "model.input_px", *method_keys)
    return {key: flat[key] for key in kept} | {
        "data.channels": list(channels),
        "data.classes": list(classes),
    }


def defaults(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Returns the defaults of a config's method, as from `plain`."""
    return plain(default(config.method.name))


def plain(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Returns the config flat, as JSON stores it: tuples are lists."""
    flat = flatten(config)
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in flat.items()
    }


def network_px_key(config: ml_collections.ConfigDict) -> str:
    """Returns the key that sets `network_px`."""
    return "model.input_px" if config.model.input_px else "data.crop_px"


def network_px(config: ml_collections.ConfigDict) -> int:
    """Returns the side of the images that the networks take, in pixels."""
    return config.model.input_px or config.data.crop_px
