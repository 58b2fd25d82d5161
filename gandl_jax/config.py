"""Configs: defaults, options of a config file, overrides and their checks.

Nothing slow is imported here, so a wrong config is told at once.
"""

import ast
import importlib.util
import pathlib
import re
import types
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections

from gandl_jax import modules, regular_files
from gandl_jax.errors import InputError, known, nearest

ALL_JOBS = ("prepare", "train", "embed", "evaluate", "report")
NORMALIZE = ("none", "standard", "robust", "whiten", "tvn", "coral")
SCREEN_IMAGES = (  # of `screen`, what decides which images belong to which record
    "screen.name",
    "screen.metadata",
    "screen.file",
    "screen.channels",
    "screen.channel_codes",
    "screen.key",
    "screen.columns.site_id",
    "screen.columns.cell",
)
MOST_CROPS_PER_SITE = 8  # more would show too few sites (ours)
# Of a list: in double quotes where a comma is a part of it.
_WORD = re.compile(r'\s*("[^"]*")\s*(?=,|$)|([^,]+)')
SCREEN_PLATES = ("screen.columns.plate", "screen.columns.experiment")


DEFAULTS = {
    "name": "",  # set by `load`: the file's name, "-smoke" after it
    "seed": 0,
    "data": {
        "name": "simulated",  # gandl_jax/screens/<name>.py
        "source_dir": "",  # the raw screen: loose files, or zip archives of them
        "dir": "",  # the prepared one, shared by experiments
        "channels": (),  # names; () is all, in the screen's order
        # Columns Metadata_<label> that a method may learn, as in "Treatment" or
        # "Cell_Type,Treatment"; "" is none. Blanks are not learnt.
        "label": "",
        "crop_px": 64,  # training crop, embedding tile
        # Pixels added on every side of an image before crops and tiles are cut, for
        # images that are smaller than a crop or of an awkward size.
        "pad_px": 0,
        "padding": "reflect",  # or "constant": the channel's darkest level
        "downscale": 1,  # prepare averages blocks of so many pixels a side
        # Of 16-bit images prepare makes 8 bits, where this level and those above it
        # become 255; 0 keeps the depth. 4095 is a 12-bit camera's whole range.
        "white_level": 0,
        "outside": "refuse",  # or "allow" paths and links that leave source_dir
        "missing": "fail",  # or "skip" records whose images are missing
        "bad_records": "fail",  # or "skip" stored records that cannot be read
        "bad_records_max_frac": 0.001,  # of all, where they are skipped (ours)
        "records_per_shard": 256,
        "workers": 0,  # processes that prepare; 0 is one per core
        "beam": "",  # prepare on Apache Beam: its pipeline options; "" is without it
        "low_percentile": 0.1,  # of a channel's pixels, to -1 (ours)
        "high_percentile": 99.9,  # to +1 (ours)
        "scaling": "dataset",  # percentiles over all images, or per "plate"
        # Levels divided by the shading that all images of a "plate" share, or "none".
        "illumination": "none",
        "flips": True,
        "rotations": True,
        # Of each decoded site, for as many batches: decoding is what reading costs.
        "crops_per_site": 1,
    },
    "screen": {  # a screen of one's own, read where data.name is "own"
        "name": "",  # of its profiles' folder
        "metadata": "metadata.csv",  # in source_dir; "" finds the records by `file`
        # Path below source_dir over the metadata's columns, as in
        # "{plate}/{well}_s{site}_{channel}.tif"; "{file}" is a column of paths.
        # Without {channel} one file holds all channels (pages, or RGB).
        "file": "",
        "channels": (),  # names, in the order of the codes, pages or colours
        "channel_codes": (),  # what {channel} stands for; () is 1, 2, 3 ...
        "key": (),  # columns that together name a record; () is site_id (and cell)
        "columns": {  # the metadata's column for each; "" is none
            "site_id": "site_id",
            "experiment": "",
            "plate": "",
            "well": "",
            "site": "",
            "cell": "",
            "cell_type": "",
            "condition": "",
            "treatment": "",
            "concentration_um": "",
            "smiles": "",
            "mechanism": "",
            "split": "",  # the publisher's own: train, test
        },
        "more_columns": (),  # kept as Metadata_<Name>, to colour, split and label by
        # Filters "column=value|value; column=value"; an empty value is a blank. In a
        # column of numbers alone they are compared as numbers. One that matches no
        # record is refused.
        "response_0": "",  # the wells where no compound acts
        "response_1": "",  # the wells in the wanted state
        "treated": "",  # besides having a treatment and being no control
    },
    "simulate": {
        "seed": 0,
        "experiments_per_cell_model": 1,
        "plates_per_experiment": 4,
        "sites_per_well": 2,
        "size_px": 128,
        "rescuers": 9,
        "inactive": 5,
        "toxic": 4,
        "doses": 8,
        "replicates": 2,  # wells per compound, dose and cell model
        "mock_wells": 16,  # per plate, as the next two
        "uv_wells": 4,
        "active_wells": 24,
        "sirnas": 24,  # simulated_rxrx1: treatments, replicated within an experiment
        "positive_sirnas": 6,  # each once on every plate
        "negative_wells": 10,  # per plate
        "workers": 0,  # 0 is one per core
    },
    "model": {  # and the sizes of the method's networks: MODEL of its options.py
        "dtype": "auto",  # bfloat16 on TPU and GPU, else float32
        # Side to which crops and tiles are scaled on the device; 0 is as they are.
        "input_px": 0,
    },
    "method": {  # and OPTIONS of gandl_jax/methods/<name>/options.py
        "name": "gan",  # chosen by --config=FILE.py:method=NAME
        "recipe": "",  # likewise by recipe=NAME: one of the method's RECIPES
    },
    "train": {
        "batch": 32,  # over all devices of all hosts
        # Equal parts of each device's batch, one after the other: less memory for the
        # same step.
        "accumulate": 1,
        "total_images": 10_000_000,
        "log_every_images": 3_200,
        "grid_every_images": 100_000,
        "checkpoint_every_images": 200_000,
        "keep_checkpoints": 3,  # besides step 0; 2 at least, for one may be damaged
        "milestone_every_images": 0,  # checkpoints that are kept for ever; 0 is none
        "check_every_steps": 20,  # whether all numbers are finite (ours)
        # Back to the last checkpoint, and on with other data, at most so many times.
        "rollbacks": 3,
        "devices": 0,  # to use of one host's; 0 is all, of many hosts too
        # Records that training never reads, in the language of evaluate.splits:
        # "plate:A/1+A/2" these plates, "plate:0.33" a random third of them,
        # "plate#2/5" the second fold of five, "given" the publisher's own; "" is none.
        "hold_out": "",
        # Of the rest, what is set aside to validate by, in the same language; never
        # learnt from, and not held out from evaluation.
        "validation": "",
        # Networks to start from in place of random ones: an .npz file (docs/weights.md)
        # or another experiment's workdir, of which the newest checkpoint counts.
        "start_from": "",
        # For each of our channels the name of one of theirs (in a file its number, from
        # 0), or "mean". () is those of the same name, else the mean; in a file the same
        # place or, where their number differs, the mean.
        "start_channels": (),
    },
    "embed": {
        "batch": 32,  # tiles, over all devices of a host
        # Another experiment's workdir: its encoder, unseen screen. Or an .npz file with
        # a discriminator (docs/weights.md).
        "checkpoint": "",
        # For each of our channels the number of one of the file's, from 0, or "mean".
        # () is the same place or, where their number differs, the mean.
        "checkpoint_channels": (),
        "steps": ("first", "last"),  # checkpoints: these, or numbers
        "weights": "average",  # moving average of D, or "raw"
        # Of each tile, averaged: 1, 4 (turned), 8 (mirrored too). More take as much
        # longer, and help where a record is one cell.
        "orientations": 1,
    },
    "imported": {  # a table of others, read by --job=import
        "file": "",  # CSV or Parquet, one row per site or well
        "name": "",  # of the feature set; "" is the file's name
        "key": (),  # its key columns; () is site_id, or well_id
        "unmatched": "fail",  # or "skip" rows and records that do not meet
        # Columns that count, name or place the rows (ImageNumber, Location_Center_X)
        # are told by name and content and left out. Columns that are features all the
        # same, and more that are none: a name, or where no column has it, how several
        # begin.
        "features": (),
        "not_features": (),
    },
    "benchmark": {
        # "conversion", "reading", "training", "checkpoints", "embedding"; () is all
        # that the folders allow: the first needs the raw screen, the second the
        # prepared one.
        "parts": (),
    },
    "kills": {  # --job=try_kills
        "count": 30,  # of the training
        "embedding_count": 10,
        "seed": 0,
    },
    "plan": {
        "topology": "v3:2x2",  # of the TPU to plan for: v3:2x2 is a v3-8
        "largest_batch": True,  # search it too; each try is compiled, for minutes
    },
    "export": {
        "sets": (),  # full names such as gan@500/b8; () is all
    },
    "evaluate": {
        "tasks": "all",  # or names: gandl_jax/tasks/<name>.py
        "features": "",  # the set shown first; by default FEATURES of the method
        # What is held apart: "record" (the paper's, leaky), "site", "well", "row",
        # "plate", "experiment", "treatment", "cell_type", another Metadata_* column
        # in small letters, or "given" (the publisher's own). "plate" leaves each out
        # in turn; "plate:0.25" a random quarter, `repeats` times; "plate:A/1+A/2"
        # these.
        "splits": ("record", "plate"),
        "max_folds": 10,  # more groups are dealt to so many folds
        "repeats": 3,  # of random splits
        "normalize": "standard",  # per plate; or "robust", "whiten", "tvn", "coral"
        "svm_c": 1.0,
        "bootstrap_unit": "well",  # what intervals draw again
        "bootstrap_draws": 1000,
        "seed": 0,
        # And a group for each task, of OPTIONS in gandl_jax/tasks/<task>.py. There
        # "normalize" is as above where it is "".
    },
    "choose": {  # --job=choose_features: every set, with each of these
        "normalize": ("standard", "whiten"),
        "svm_c": (),  # () is evaluate.svm_c; several are chosen among too
        "inner_folds": 5,  # within a training part; more groups are dealt to so many
    },
    "compare": {  # --job=compare_seeds: trainings that differ in their seed
        "workdirs": (),  # of them, with profiles; one with a comma in double quotes
        "steps": ("last",),  # encoders: this, or numbers; several make a curve
        # Of the groups that a split holds apart, those set aside to choose recipes by:
        # test records of them are counted in the part "selection", all others in
        # "reporting". Learning is the same.
        "aside_frac": 0.0,
        "part": "reporting",
        "nested": True,  # also choose the set in each fold, which costs most
    },
}


def default(method: str = "gan") -> ml_collections.ConfigDict:
    """Every key there is, with the options and the defaults of a method.

    Args:
      method: a folder of gandl_jax/methods.

    Returns:
      A locked config: an experiment's file changes values and adds no key.

    Raises:
      InputError: there is no such method.
    """
    known("method", method, modules.names("methods", "Method"))
    options = method_options(method)
    config = ml_collections.ConfigDict(DEFAULTS)
    config.method.update({"name": method, **options.OPTIONS})
    config.model.update(options.MODEL)
    config.evaluate.features = options.FEATURES
    for task in modules.names("tasks", "run"):
        config.evaluate[task] = {"normalize": ""} | _of_task(task, "OPTIONS")
    return config.lock()


def method_options(method: str) -> types.ModuleType:
    """What a config may hold of a method: see methods/contract.py, `Options`."""
    return modules.part("methods", method, "options")


def _of_task(task: str, marker: str) -> dict[str, Any]:
    """OPTIONS of a task, LOWEST of them, or MOVED: former full keys to those of now."""
    return modules.constant("tasks", task, marker) or {}


def task_options(config: ml_collections.ConfigDict, task: str) -> dict[str, Any]:
    """What a task is run with: what all share, its own options in place of it.

    Args:
      config: evaluate is read.
      task: a module of gandl_jax/tasks; its `normalize` "" is what all share.
    """
    shared = {
        key: value
        for key, value in config.evaluate.items()
        if key != "tasks" and not isinstance(value, ml_collections.ConfigDict)
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
    if config.data.name.startswith("simulated"):
        config.data.source_dir += "-smoke"
    config.data.crop_px = 16
    config.data.records_per_shard = 64
    config.simulate.update(plates_per_experiment=2, sites_per_well=1, size_px=48)
    config.simulate.update(rescuers=1, inactive=1, toxic=1, doses=6, replicates=1)
    config.simulate.update(mock_wells=8, uv_wells=2, active_wells=8)
    config.simulate.update(sirnas=4, positive_sirnas=2, negative_wells=4)
    method_options(config.method.name).smoke(config)
    config.train.update(
        batch=32,
        devices=0,
        total_images=160,
        log_every_images=64,
        grid_every_images=96,
        checkpoint_every_images=96,
    )
    features = method_options(config.method.name).FEATURES
    config.evaluate.update(features=features, repeats=1, bootstrap_draws=100)
    return config


def options(text: str, **defaults: bool | int | float | str) -> dict[str, Any]:
    """Parses what follows a config file's colon: `smoke,method=gan,size=3`.

    Args:
      text: comma-separated `key=value`; a bare word is true.
      **defaults: options that the file declares besides `smoke`, `method` and
        `recipe`, with their defaults.

    Returns:
      Every declared option with its value.

    Raises:
      InputError: an option that the file does not declare, or a value of another type.
    """
    values = defaults = {"smoke": False, "method": "gan", "recipe": ""} | defaults
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if key not in defaults:
            raise InputError(
                f"the config has no option {key!r}: {nearest(key, defaults)}"
            )
        read = parse(key, value if equals else "true", defaults[key])
        values = values | {key: read}
    return values


def parse(key: str, text: str, like: Any) -> Any:
    """Reads `text` as a value of the type that `like` has; nothing is executed.

    Raises:
      InputError: the text is not of that type.
    """
    if isinstance(like, str):
        return text
    if isinstance(like, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise InputError(f"{key}={text!r} should be true or false")
    if isinstance(like, tuple):
        return _words(text)
    try:
        value = ast.literal_eval(text.replace("_", ""))
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # nested, too
        value = None
    if isinstance(like, float) and type(value) in (int, float):
        return float(value)
    if type(value) is type(like):
        return value
    kind = {int: "a whole number", float: "a number"}[type(like)]
    raise InputError(f"{key}={text!r} should be {kind}")


def _words(text: str) -> tuple[str, ...]:
    """The words of a list: `a,b`, `(a,b)`, or `"a, with a comma",b`."""
    found = [
        quoted or word for quoted, word in _WORD.findall(_without_parentheses(text))
    ]
    words = (word[1:-1] if word[:1] == '"' else word.strip() for word in found)
    return tuple(word for word in words if word)


def _without_parentheses(text: str) -> str:
    """The text within one pair of parentheses around all of it; else the text."""
    inside = text.strip()[1:-1]
    around = text.strip()[:1] == "(" and text.strip()[-1:] == ")"
    # "(a),(b)" are two words in parentheses of their own.
    return inside if around and inside.find("(") <= inside.find(")") else text


def _split_options(path_and_options: str) -> tuple[str, str]:
    """A config's file and its options; folders may have colons in their names."""
    parts = path_and_options.split(":")
    for count in range(1, len(parts) + 1):
        path = ":".join(parts[:count])
        if pathlib.Path(path).is_file():
            return path, ":".join(parts[count:])
    return parts[0], ":".join(parts[1:])


def load(path_and_options: str) -> ml_collections.ConfigDict:
    """Runs a config file's `get_config(options)`.

    Args:
      path_and_options: `configs/demo.py` or `configs/demo.py:smoke`.

    Raises:
      InputError: no such file, one that does not run, or an option it does not declare.
    """
    path, text = _split_options(path_and_options)
    file = pathlib.Path(path)
    regular_files.check(file)
    if not file.is_file():
        beside = [str(p) for p in file.parent.glob("*.py")]
        hint = nearest(path, beside) if beside else "no configs are in that folder"
        raise InputError(f"there is no config file {path!r}: {hint}")
    spec = importlib.util.spec_from_file_location(f"config_{file.stem}", file)
    if spec is None:
        raise InputError(f"{path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        config = module.get_config(text)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} does not give a config: {_why(error)}") from error
    _check_method_taken(path, text, config)
    config.name = "-".join([file.stem, *_name_parts(text)])
    return config


def _why(error: Exception) -> str:
    """An error of a config file in a line, and what a key is called now."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    reason = reason.partition(" Other fields present")[0]
    for method in modules.names("methods", "Method"):
        for former, now in _moved(method).items():
            if f'"{former.rpartition(".")[2]}"' in reason:
                return f"config.{former} is config.{now} now ({reason})"
    return reason


def _check_method_taken(path: str, text: str, config) -> None:
    """Refuses to train another method than was asked for, or without its recipe."""
    asked = dict(item.partition("=")[::2] for item in text.split(","))
    for key in ("method", "recipe"):
        value = asked.get(key, "")
        if value and value != config.method["name" if key == "method" else key]:
            raise InputError(
                f"{path} takes no {key}={value}: in it write config = configs.default("
                'options["method"]), and last return configs.finish(config, options)'
            )


def _name_parts(text: str) -> list[str]:
    """What a config's options add to its name, and so to its default workdir."""
    items = [item.partition("=") for item in text.split(",")]
    values = [v for k, _, v in items if k in ("method", "recipe") and v != "gan"]
    return values + ["smoke"] * any(k == "smoke" for k, _, _ in items)


def override(config: ml_collections.ConfigDict, settings: Mapping[str, str]) -> None:
    """Applies `--config.KEY=VALUE` in place.

    Raises:
      InputError: an unknown key or a value of another type.
    """
    flat = flatten(config)
    moved = _moved(config.method.name)
    settings = {moved.get(key, key): text for key, text in settings.items()}
    for key, text in settings.items():
        _check_key(config, key, text, flat)
    for key, text in settings.items():
        *groups, last = key.split(".")
        target = config
        for name in groups:
            target = target[name]
        target[last] = parse(f"config.{key}", text, flat[key])


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
        if last in {"method": theirs.OPTIONS, "model": theirs.MODEL}[group]:
            raise InputError(
                f"config.{key} is an option of the method {method}, and this config's "
                f"is {mine}: {nearest(key, flat)}"
            )
    raise InputError(f"the config has no key {key!r}: {nearest(key, flat)}")


def with_keys_of_now(stored: Mapping[str, Any], method: str) -> dict[str, Any]:
    """A stored flat config whose keys are called as this version calls them."""
    moved = _moved(method)
    return {moved.get(key, key): value for key, value in stored.items()}


def _moved(method: str) -> dict[str, str]:
    """Former full keys to those of now, as a method and the tasks say them."""
    moved = dict(method_options(method).MOVED)
    for task in modules.names("tasks", "run"):
        moved |= _of_task(task, "MOVED")
    return moved


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested config to one level: {"data.name": ..., ...}."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, Mapping | ml_collections.ConfigDict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def validate(config: ml_collections.ConfigDict, jobs: Iterable[str]) -> None:
    """Checks what can be checked before anything slow is imported.

    Raises:
      InputError: with the first thing that is wrong.
    """
    for job in jobs:
        known("job", job, modules.names("jobs", "run"))
    known("method", config.method.name, modules.names("methods", "Method"))
    known("dataset", config.data.name, modules.names("screens", "SCREEN"))
    if config.evaluate.tasks != "all":
        for task in config.evaluate.tasks.split(","):
            known("task", task.strip(), modules.names("tasks", "run"))
    known("data.missing", config.data.missing, ("fail", "skip"))
    known("data.outside", config.data.outside, ("refuse", "allow"))
    known("data.illumination", config.data.illumination, ("none", "plate"))
    known("data.bad_records", config.data.bad_records, ("fail", "skip"))
    known("data.scaling", config.data.scaling, ("dataset", "plate"))
    known("imported.unmatched", config.imported.unmatched, ("fail", "skip"))
    known("evaluate.normalize", config.evaluate.normalize, NORMALIZE)
    for task in modules.names("tasks", "run"):
        own = config.evaluate[task].normalize
        known(f"evaluate.{task}.normalize", own, ("", *NORMALIZE))
    known("embed.weights", config.embed.weights, ("average", "raw"))
    if config.embed.orientations not in (1, 4, 8):
        raise InputError(
            f"config.embed.orientations={config.embed.orientations} should be 1 (as it "
            "is), 4 (turned too) or 8 (mirrored too)"
        )
    known("model.dtype", config.model.dtype, ("auto", "float32", "bfloat16"))
    for part in config.benchmark.parts:
        parts = modules.names("jobs/benchmark", "measure")
        known("benchmark.parts", part, parts)
    if not config.data.dir:
        raise InputError("config.data.dir is empty: name the prepared screen's folder")
    if "train" in jobs and config.embed.checkpoint:
        raise InputError(
            f"config.embed.checkpoint={config.embed.checkpoint} embeds with another "
            "experiment's encoder, which leaves nothing to train: name other jobs, or "
            "--job=all, which leaves train out"
        )
    _check_networks(config)
    _check_splits(config)
    _check_candidates(config.choose)
    _check_compare(config.compare, jobs)
    _check_numbers(config)
    method_options(config.method.name).check(config)


def _check_networks(config: ml_collections.ConfigDict) -> None:
    train, embed = config.train, config.embed
    if train.start_channels and not train.start_from:
        raise InputError(
            f"config.train.start_channels={','.join(train.start_channels)} is of "
            "networks to start from, and there are none: set config.train.start_from"
        )
    if embed.checkpoint_channels and not embed.checkpoint.endswith(".npz"):
        words = ",".join(embed.checkpoint_channels)
        raise InputError(
            f"config.embed.checkpoint_channels={words} is of an .npz file, and "
            f"config.embed.checkpoint={embed.checkpoint} is none"
        )


def _check_splits(config: ml_collections.ConfigDict) -> None:
    for key, words in splits(config).items():
        for word in words:
            if not word.partition(":")[0].strip():
                raise InputError(
                    f"config.{key}={words!r} names {word!r}, which holds nothing "
                    "apart: name a unit, such as 'plate'"
                )
    if not config.evaluate.bootstrap_unit.strip():
        raise InputError(
            "config.evaluate.bootstrap_unit is empty: name a unit, such as 'well'"
        )


def _check_candidates(choose: ml_collections.ConfigDict) -> None:
    if not choose.normalize:
        raise InputError(
            f"config.choose.normalize is empty: name some of {', '.join(NORMALIZE)}"
        )
    for name in choose.normalize:
        known("choose.normalize", name, NORMALIZE)
    for word in choose.svm_c:
        if parse("config.choose.svm_c", str(word), 1.0) < LOWEST["evaluate.svm_c"]:
            raise InputError(f"config.choose.svm_c names {word}, which is not above 0")


def _check_compare(compare: ml_collections.ConfigDict, jobs: Iterable[str]) -> None:
    known("compare.part", compare.part, ("reporting", "selection"))
    if not 0 <= compare.aside_frac < 1:
        raise InputError(
            f"config.compare.aside_frac={compare.aside_frac} should be 0 or more and "
            "below 1"
        )
    for word in map(str, compare.steps):
        if word != "last" and not (word.isdecimal() and int(word)):
            raise InputError(
                f"config.compare.steps names {word!r}: name checkpoints after step 0 "
                "that were embedded, as in --config.compare.steps=500,last"
            )
    if not compare.steps:
        raise InputError("config.compare.steps is empty: name 'last'")
    if "compare_seeds" not in jobs:
        return
    if compare.part == "selection" and not compare.aside_frac:
        raise InputError(
            "config.compare.part=selection counts what is set aside, and nothing is: "
            "add --config.compare.aside_frac=0.33"
        )
    if len(compare.workdirs) < 2:
        found = ", ".join(compare.workdirs) or "none"
        raise InputError(
            f"config.compare.workdirs names {found}, and two or more are compared: "
            "name trainings of other seeds, as in "
            "--config.compare.workdirs=runs/a-0,runs/a-1"
        )


LOWEST = {  # of every number in a group, or of one key
    "": 0,
    "data.crop_px": 8,
    "data.records_per_shard": 1,
    "data.downscale": 1,
    "data.crops_per_site": 1,
    "train.": 1,
    "train.devices": 0,
    "train.keep_checkpoints": 2,
    "train.milestone_every_images": 0,
    "train.rollbacks": 0,
    "embed.batch": 1,
    "evaluate.svm_c": 1e-9,
    "evaluate.repeats": 1,
    "evaluate.max_folds": 2,
    "evaluate.bootstrap_draws": 1,
    "choose.inner_folds": 2,
}


def check_ranges(config: ml_collections.ConfigDict) -> None:
    """Refuses numbers that are lower than they may be, or too large for any use.

    Raises:
      InputError: naming the first.
    """
    all_lowest = LOWEST | method_options(config.method.name).LOWEST
    for task in modules.names("tasks", "run"):
        own = _of_task(task, "LOWEST")
        all_lowest |= {f"evaluate.{task}.{key}": value for key, value in own.items()}
    for key, value in flatten(config).items():
        if isinstance(value, int | float):
            lowest = all_lowest[max(filter(key.startswith, all_lowest), key=len)]
            if not lowest <= value < 2**63:
                raise InputError(f"config.{key}={value} should be {lowest} or more")


def _check_numbers(config: ml_collections.ConfigDict) -> None:
    check_ranges(config)
    if config.data.bad_records_max_frac > 1:
        raise InputError(
            f"config.data.bad_records_max_frac={config.data.bad_records_max_frac} "
            "should be at most 1"
        )
    if config.train.batch % config.data.crops_per_site:
        raise InputError(
            f"config.data.crops_per_site={config.data.crops_per_site} does not divide "
            f"the batch of {config.train.batch} (config.train.batch): choose a divisor"
        )
    if config.data.crops_per_site > MOST_CROPS_PER_SITE:
        raise InputError(
            f"config.data.crops_per_site={config.data.crops_per_site} should be "
            f"{MOST_CROPS_PER_SITE} or less: more would show too few sites"
        )


def all_jobs(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """The jobs of --job=all; another experiment's encoder is not trained here."""
    trains = not config.embed.checkpoint
    return tuple(job for job in ALL_JOBS if job != "train" or trains)


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
    free = ("source_dir", "dir", "missing", "records_per_shard", "workers", "beam")
    free += ("outside", "bad_records", "bad_records_max_frac")
    free = {f"data.{key}" for key in free} | {"method.recipe"}
    free |= set(method_options(config.method.name).FREE)
    flat, said = plain(config), labels(config).keys()
    if "plate" in (
        config.data.scaling,
        config.data.illumination,
    ):  # then the plates decide what the network sees
        said -= set(SCREEN_PLATES)
    free |= said
    return {k: v for k, v in flat.items() if k.startswith(kept) and k not in free}


def labels(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """What `config.screen` says of the records but not of their images, flat."""
    flat = plain(config)
    return {
        key: value
        for key, value in flat.items()
        if key.startswith("screen.") and key not in SCREEN_IMAGES
    }


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


def network_px(config: ml_collections.ConfigDict) -> int:
    """The side of the images that the networks take, in pixels."""
    return config.model.input_px or config.data.crop_px
