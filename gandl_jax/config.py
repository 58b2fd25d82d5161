"""Configs: defaults, options of a config file, overrides and their checks.

Nothing slow is imported here, so a wrong config is told at once; and nothing that a
machine lacks which only embeds by an encoder's file (`plain_config`).
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
SCREEN_IMAGES = (  # of `screen`, what decides which images belong to which record
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
# Of `screen`, what is read of the images of OME plates.
SCREEN_OME = tuple(f"screen.ome.{key}" for key in DEFAULTS["screen"]["ome"])
# Of `screen`, what former versions did not know: left out of digests where unset.
SCREEN_LATER = ("screen.wells_per_row",)
SCREEN_PLATES = ("screen.columns.plate", "screen.columns.experiment")


def default(method: str = "gan") -> ml_collections.ConfigDict:
    """Every key there is, with the options and the defaults of a method.

    Args:
      method: a folder of gandl_jax/methods.

    Returns:
      A locked config: an experiment's file changes values and adds no key.

    Raises:
      InputError: there is no such method.
    """
    import ml_collections

    return ml_collections.ConfigDict(every_key(method)).lock()


def every_key(method: str) -> dict[str, Any]:
    """As `default`, as dictionaries in one another."""
    known("method", method, modules.names("methods", "Method"))
    options = method_options(method)
    of_tasks = {
        task: {"normalize": ""} | of_task(task, "OPTIONS")
        for task in modules.names("tasks", "run")
    }
    of_screens = {
        key: value
        for screen in modules.names("screens", "SIMULATE")
        for key, value in modules.constant("screens", screen, "SIMULATE").items()
    }
    of_jobs = {job: of_job(job, "OPTIONS") for job in modules.names("jobs", "OPTIONS")}
    changed = {
        "method": {"name": method, **options.OPTIONS},
        "model": options.MODEL,
        "evaluate": {"features": options.FEATURES, **of_tasks},
        "simulate": of_screens,
    }
    groups = {key: DEFAULTS[key] | own for key, own in changed.items()}
    return {**DEFAULTS, **groups, **of_jobs}


def method_options(method: str) -> types.ModuleType:
    """What a config may hold of a method: see methods/contract.py, `Options`."""
    return modules.part("methods", method, "options")


def of_task(task: str, marker: str) -> dict[str, Any]:
    """OPTIONS of a task, LOWEST of them, or MOVED: former full keys to those of now."""
    return modules.constant("tasks", task, marker) or {}


def of_job(job: str, marker: str) -> dict[str, Any]:
    """OPTIONS that a job brings, its group of the config, or LOWEST of them."""
    return modules.constant("jobs", job, marker) or {}


def task_options(config: ml_collections.ConfigDict, task: str) -> dict[str, Any]:
    """What a task is run with: what all share, its own options in place of it.

    Args:
      config: evaluate is read.
      task: a module of gandl_jax/tasks; its `normalize` "" is what all share.
    """
    shared = {
        key: value
        for key, value in config.evaluate.items()
        if key not in NO_OPTIONS and not is_group(value)
    }
    own = dict(config.evaluate[task])
    own["normalize"] = own["normalize"] or shared["normalize"]
    return shared | own


def splits(config: ml_collections.ConfigDict) -> dict[str, tuple[str, ...]]:
    """Full key to splits in words: those that tasks share, and those of each."""
    flat = flatten(config.evaluate, "evaluate.")
    return {key: words for key, words in flat.items() if key.endswith(".splits")}


def small(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Sets a network and a run that two cores finish in minutes (ours, as all of it).

    Steps teach, not images: on a CPU 4 images a step take a quarter of the time of 16,
    and as many steps draw cells from either (docs/trials.md).
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
    """Sets keys that suit a screen, where its config is one of a certain method.

    Args:
      config: changed in place.
      method: whose keys they are; nothing happens for any other.
      settings: full key ("method.learning_rate") to value.
    """
    if config.method.name == method:
        config.update_from_flattened_dict(dict(settings))


def apply_recipe(
    config: ml_collections.ConfigDict, method: str, recipe: str
) -> ml_collections.ConfigDict:
    """Sets a method's named values, where the config is one of that method.

    Raises:
      InputError: the method has no such recipe.
    """
    recipes = method_options(method).RECIPES
    known(f"recipe of the method {method}", recipe, recipes)
    tune(config, method, recipes[recipe])
    return config


def augmented(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Applies GAN-DL's recipe for few images, where the config is of that method."""
    return apply_recipe(config, "gan", "few_images")


def labelled_cells(
    config: ml_collections.ConfigDict, name: str, *, side_px: int, group: str
) -> ml_collections.ConfigDict:
    """Sets what screens of single cells share that have a class and two parts.

    Networks see whole cells. Nothing is trained on the part for reporting, by any
    method; what is left out to be judged is whole groups.

    Args:
      config: changed in place.
      name: of the screen, which has Metadata_Class and Metadata_Part.
      side_px: of its images.
      group: what cells have in common that scores should not profit from, a Metadata_*
        column in small letters; "record" where nothing is known.

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
    config.embed.orientations = 8  # a record is one cell: its turn would be noise
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
    """Shrinks a config to seconds on a laptop: every stage, nothing learnt.

    What it prepares lies in folders of its own; a measured screen is prepared whole.
    """
    config.data.dir += "-smoke"
    drawn = modules.constant("screens", config.data.name, "SIMULATE") is not None
    if drawn:
        config.data.source_dir += "-smoke"
        config.simulate.update(modules.constant("screens", config.data.name, "SMOKE"))
    if config.model.input_px:  # then a crop has its size from the images
        config.model.input_px = 16
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
    mine = config.method.name
    if key == "method.name" and text != mine:
        known("method", text, modules.names("methods", "Method"))
        raise InputError(
            f"config.method.name is {mine} and brings its own options: choose another "
            f"with the file, as in --config=FILE.py:method={text}"
        )
    if key in flat:
        return
    group, _, last = key.partition(".")
    others = [m for m in modules.names("methods", "Method") if m != mine]
    for method in others if group in ("method", "model") else ():
        theirs = method_options(method)
        if last in flatten({"method": theirs.OPTIONS, "model": theirs.MODEL}[group]):
            raise InputError(
                f"config.{key} is an option of the method {method}, and this config's "
                f"is {mine}: {nearest(key, flat)}"
            )
    raise InputError(f"the config has no key {key!r}: {nearest(key, flat)}")


def with_keys_of_now(stored: Mapping[str, Any], method: str) -> dict[str, Any]:
    """A stored flat config whose keys are called as this version calls them."""
    moved = moved_keys(method)
    return {moved.get(key, key): value for key, value in stored.items()}


def moved_keys(method: str) -> dict[str, str]:
    """Former full keys to those of now, as a method and the tasks say them."""
    moved = dict(getattr(method_options(method), "MOVED", {}))
    for task in modules.names("tasks", "run"):
        moved |= of_task(task, "MOVED")
    return moved


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested config to one level: {"data.name": ..., ...}."""
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
    """The jobs of --job=all; another experiment's encoder is not trained here."""
    trains = not config.embed.checkpoint
    jobs = [job for job in ALL_JOBS if job != "train" or trains]
    if config.generate.after_training and trains:
        jobs.insert(jobs.index("train") + 1, "generate")
    return tuple(jobs)


def steps(images: int, batch: int) -> int:
    """Images to training steps, rounded up."""
    return -(-images // batch)


def identity(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """What makes an experiment, flat and as plain data.

    Everything else (length of training, devices, policies, what a screen of one's own
    says of its records) may change between runs, and so may what changes no result:
    how memory is saved, how pictures are drawn. So may the place of the networks that
    the training started from, but not what is in it: `training/starting_weights.py`.
    """
    kept = ("data.", "screen.", "model.", "method.", "seed")
    kept += ("train.batch", "train.start_channels")
    kept += ("train.hold_out", "train.validation")
    free = ("source_dir", "dir", "missing", "records_per_shard", "workers", "beam")
    free += ("outside", "bad_records", "bad_records_max_frac")
    free = {f"data.{key}" for key in free} | {"method.recipe"}
    free |= set(method_options(config.method.name).FREE)
    flat, said = plain(config), screen_description(config).keys()
    if "plate" in (
        config.data.scaling,
        config.data.illumination,
    ):  # then the plates decide what the network sees
        said -= set(SCREEN_PLATES)
    free |= said
    return {k: v for k, v in flat.items() if k.startswith(kept) and k not in free}


def screen_description(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """What `config.screen` says of the records but not of their images, flat."""
    flat = plain(config)
    return {
        key: value
        for key, value in flat.items()
        if key.startswith("screen.") and key not in (*SCREEN_IMAGES, *SCREEN_OME)
    }


def labels_use(config: ml_collections.ConfigDict) -> str:
    """What the method does with labels: "none", "optional" or "needed"."""
    options = method_options(config.method.name)
    return options.labels(config) if hasattr(options, "labels") else options.LABELS


def label_columns(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """The columns that are learnt: those of config.data.label, "A,B" or quoted."""
    if labels_use(config) == "none":
        return ()
    return parse("config.data.label", config.data.label, ())


def architecture(
    config: ml_collections.ConfigDict,
    channels: Iterable[str],
    classes: Iterable[str] = (),
) -> dict[str, Any]:
    """What a checkpoint's arrays depend on, flat and as plain data."""
    flat, own = plain(config), method_options(config.method.name).ARCHITECTURE
    kept = ("data.crop_px", "data.label", "method.name", "model.input_px", *own)
    return {key: flat[key] for key in kept} | {
        "data.channels": list(channels),
        "data.classes": list(classes),
    }


def defaults(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """The defaults of a config's method, as `plain` gives them."""
    return plain(default(config.method.name))


def plain(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """The config flat, as JSON gives it back: tuples are lists."""
    flat = flatten(config)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in flat.items()}


def network_px_key(config: ml_collections.ConfigDict) -> str:
    """The key that sets `network_px`."""
    return "model.input_px" if config.model.input_px else "data.crop_px"


def network_px(config: ml_collections.ConfigDict) -> int:
    """The side of the images that the networks take, in pixels."""
    return config.model.input_px or config.data.crop_px
