"""Checks of a config before anything slow is imported."""

from collections.abc import Iterable, Sequence

import ml_collections

from gandl_jax import cluster, dose_unit, modules, task_choice
from gandl_jax import config as configs
from gandl_jax.config_defaults import LOWEST
from gandl_jax.config_text import parse
from gandl_jax.errors import InputError, known

MOST_CROPS_PER_SITE = 8  # more would show too few sites (ours)


def validate(config: ml_collections.ConfigDict, jobs: Iterable[str]) -> None:
    """Checks a config as far as possible before anything slow is imported.

    Raises:
      InputError: names the first thing that is wrong.
    """
    for job in jobs:
        known("job", job, modules.names("jobs", "run"))
    known("method", config.method.name, modules.names("methods", "Method"))
    known("dataset", config.data.name, modules.names("screens", "SCREEN"))
    task_choice.names(config.evaluate.tasks)
    known("data.missing", config.data.missing, ("fail", "skip"))
    known("screen.ome.absent_chunks", config.screen.ome.absent_chunks, ("fail", "fill"))
    known("data.outside", config.data.outside, ("refuse", "allow"))
    known("data.illumination", config.data.illumination, ("none", "plate"))
    known("data.bad_records", config.data.bad_records, ("fail", "skip"))
    known("data.padding", config.data.padding, ("reflect", "constant"))
    known("data.scaling", config.data.scaling, ("dataset", "plate"))
    dose_unit.check(config.data.dose_unit)
    known("imported.unmatched", config.imported.unmatched, ("fail", "skip"))
    known("evaluate.normalize", config.evaluate.normalize, configs.NORMALIZE)
    known("evaluate.classical", config.evaluate.classical, ("auto", "on", "off"))
    for task in modules.names("tasks", "run"):
        task_normalize = config.evaluate[task].normalize
        known(f"evaluate.{task}.normalize", task_normalize, ("", *configs.NORMALIZE))
    cluster.check(config.evaluate.cluster)
    known("embed.weights", config.embed.weights, ("average", "raw"))
    if config.embed.orientations not in (1, 4, 8):
        raise InputError(
            f"config.embed.orientations={config.embed.orientations} should be 1 (as it "
            "is), 4 (turned too) or 8 (mirrored too)"
        )
    known("model.dtype", config.model.dtype, ("auto", "float32", "bfloat16"))
    for name in config.benchmark.parts:
        known_parts = modules.names("jobs/benchmark", "measure")
        known("benchmark.parts", name, known_parts)
    if not config.data.dir:
        raise InputError("config.data.dir is empty: name the prepared screen's folder")
    if "train" in jobs and config.embed.checkpoint:
        raise InputError(
            f"config.embed.checkpoint={config.embed.checkpoint} embeds with another "
            "experiment's encoder, which leaves nothing to train: name other jobs, or "
            "--job=all, which leaves train out"
        )
    learns_labels = configs.labels_use(config) == "needed"
    learns_labels &= config.train.total_images > 0 and "train" in jobs
    if learns_labels and not config.data.label:
        raise InputError(
            f"the method {config.method.name} learns labels, and config.data.label is "
            "empty: name a column, as in --config.data.label=Treatment"
        )
    options = configs.method_options(config.method.name)
    for name in config.embed.more_sets:
        _check_more_set(name, config.method.name, getattr(options, "MORE_SETS", ()))
    _check_stop_rule(config.train)
    _check_networks(config)
    _check_splits(config)
    _check_candidates(config.choose)
    _check_compare(config.compare, jobs, is_sweep=bool(config.sweep.source))
    _check_numbers(config)
    options.check(config)


def _check_more_set(name: str, method: str, valid: Sequence[str]) -> None:
    if not valid:
        raise InputError(
            f"config.embed.more_sets names {name!r}, and the method {method} has no "
            "further sets: set --config.embed.more_sets="
        )
    known("embed.more_sets", name, valid)


def _check_stop_rule(train: ml_collections.ConfigDict) -> None:
    if not train.stop_rule:
        return
    rules = modules.names("methods/step_rules", "badness")
    known("train.stop_rule", train.stop_rule, rules)
    needed = train.stop_patience_checkpoints + 1
    if train.keep_checkpoints < needed:
        raise InputError(
            f"config.train.keep_checkpoints={train.keep_checkpoints} would not keep "
            "the checkpoint that config.train.stop_rule finds best, "
            f"{needed - 1} before the last: set --config.train.keep_checkpoints="
            f"{needed}"
        )


def _check_networks(config: ml_collections.ConfigDict) -> None:
    train, embed = config.train, config.embed
    if train.start_channels and not train.start_from:
        raise InputError(
            f"config.train.start_channels={','.join(train.start_channels)} is of "
            "networks to start from, and there are none: set config.train.start_from"
        )
    if embed.checkpoint_channels and not embed.checkpoint:
        channels = ",".join(embed.checkpoint_channels)
        raise InputError(
            f"config.embed.checkpoint_channels={channels} is of an encoder from "
            "elsewhere, and there is none: set config.embed.checkpoint"
        )


def _check_splits(config: ml_collections.ConfigDict) -> None:
    for key, texts in configs.splits(config).items():
        for split in texts:
            if not split.partition(":")[0].strip():
                raise InputError(
                    f"config.{key}={texts!r} names {split!r}, which holds nothing "
                    "apart: name a unit, such as 'plate'"
                )
    if not config.evaluate.bootstrap_unit.strip():
        raise InputError(
            "config.evaluate.bootstrap_unit is empty: name a unit, such as 'well'"
        )


def _check_candidates(choose: ml_collections.ConfigDict) -> None:
    if not choose.normalize:
        raise InputError(
            "config.choose.normalize is empty: name some of "
            f"{', '.join(configs.NORMALIZE)}"
        )
    for name in choose.normalize:
        known("choose.normalize", name, configs.NORMALIZE)
    for value in choose.svm_c:
        if parse("config.choose.svm_c", str(value), 1.0) < LOWEST["evaluate.svm_c"]:
            raise InputError(f"config.choose.svm_c names {value}, which is not above 0")


def _check_compare(
    compare: ml_collections.ConfigDict, jobs: Iterable[str], *, is_sweep: bool
) -> None:
    known("compare.part", compare.part, ("reporting", "selection"))
    if not 0 <= compare.aside_frac < 1:
        raise InputError(
            f"config.compare.aside_frac={compare.aside_frac} should be 0 or more and "
            "below 1"
        )
    for step in map(str, compare.steps):
        if step not in ("last", "all") and not (step.isdecimal() and int(step)):
            raise InputError(
                f"config.compare.steps names {step!r}: name checkpoints after step 0 "
                "that were embedded, as in --config.compare.steps=500,last"
            )
    if not compare.steps:
        raise InputError("config.compare.steps is empty: name 'last'")
    comparing = {"compare", "compare_seeds"} & set(jobs)
    if comparing and compare.part == "selection" and not compare.aside_frac:
        raise InputError(
            "config.compare.part=selection counts what is set aside, and nothing is: "
            "add --config.compare.aside_frac=0.33"
        )
    if "compare_seeds" in jobs and not is_sweep and len(compare.workdirs) < 2:
        workdirs = ", ".join(compare.workdirs) or "none"
        raise InputError(
            f"config.compare.workdirs names {workdirs}, and two or more are compared: "
            "name trainings of other seeds, as in "
            "--config.compare.workdirs=runs/a-0,runs/a-1"
        )


def check_ranges(config: ml_collections.ConfigDict) -> None:
    """Refuses numbers that are too low, or absurdly large.

    Raises:
      InputError: names the first.
    """
    options = configs.method_options(config.method.name)
    all_lowest = LOWEST | getattr(options, "LOWEST", {})
    for task in modules.names("tasks", "run"):
        group_lowest = configs.task_constant(task, "LOWEST")
        all_lowest |= {
            f"evaluate.{task}.{key}": value for key, value in group_lowest.items()
        }
    for job in modules.names("jobs", "LOWEST"):
        group_lowest = configs.job_constant(job, "LOWEST")
        all_lowest |= {f"{job}.{key}": value for key, value in group_lowest.items()}
    for key, value in configs.flatten(config).items():
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
