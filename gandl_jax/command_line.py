"""Command lines: --config=FILE.py[:options] --job=... --config.KEY=VALUE ..."""

import pathlib
import re

from absl import flags
from etils import epath

from gandl_jax import config as configs
from gandl_jax import (
    config_checks,
    config_files,
    files,
    job_needs,
    packaged_configs,
    paths,
)
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError

OVERRIDE = re.compile(r"--?config\.([\w.]+)(?:=(.*))?", re.DOTALL)


def define_flags() -> flags.FlagValues:
    """Defines the flags; `split` parses `--config.KEY=VALUE` separately."""
    values = flags.FlagValues()
    source = "FILE.py[:options], or the package's own gandl_jax:NAME[:options]"
    flags.DEFINE_string("config", None, source, values)
    flags.DEFINE_string("workdir", None, "default: runs/<config name>", values)
    job_help = f"a job, a list, or all = {','.join(configs.ALL_JOBS)}"
    flags.DEFINE_list("job", ["train"], job_help, values)
    flags.DEFINE_bool("help", False, "show this help", values, short_name="h")
    return values


def split(argv: list[str]) -> tuple[list[str], dict[str, str]]:
    """Splits a command line into flags and `--config.KEY=VALUE` settings.

    Raises:
      InputError: a setting without a value.
    """
    rest, settings = [], {}
    for argument in argv:
        match = OVERRIDE.fullmatch(argument)
        if not match:
            rest.append(argument)
        elif match[2] is None:
            raise InputError(f"{argument} has no value: write {argument}=VALUE")
        else:
            settings[match[1]] = match[2]
    return rest, settings


def resolve(values: flags.FlagValues, settings: dict[str, str]):
    """Resolves the config with its settings, the jobs in order, and the workdir.

    Raises:
      InputError: anything in them is wrong.
    """
    if not values.config:
        raise InputError(
            "no config: add --config=configs/FILE.py, or the package's own "
            "--config=gandl_jax:demo"
        )
    config = _config(paths.expand(values.config), values.job)
    configs.override(config, settings)
    paths.expand_all(config)
    jobs = configs.all_jobs(config) if values.job == ["all"] else values.job
    if not jobs:
        raise InputError("no job: add --job=train, or all")
    config_checks.validate(config, jobs)
    workdir = epath.Path(paths.expand(values.workdir or f"runs/{config.name}"))
    paths.check_all(config, workdir)
    _check_buckets(str(workdir), config.data.source_dir, config.data.dir)
    if workdir.exists() and not workdir.is_dir():
        raise InputError(f"--workdir={workdir} is a file: name a folder")
    if job_needs.any_claims(jobs):
        workdirs.refuse_another(workdir, config)
    return config, jobs, workdir


def _config(file: str, jobs: list[str]):
    """Loads the config of a file; for a job that writes it, makes one with paths."""
    if not job_needs.writes_config(jobs):
        return config_files.load(file)
    if len(jobs) > 1:
        raise InputError(
            f"--job={','.join(jobs)}: one of them writes the config that the others "
            "read: run it alone"
        )
    if packaged_configs.is_named(file):
        raise InputError(
            f"--job={jobs[0]} writes a config of your own: name a file of yours, "
            "--config=my_screen.py"
        )
    config, name = configs.default(), pathlib.PurePath(file).stem
    config.name, config.init.file, config.data.dir = name, file, f"data/{name}"
    return config


def _check_buckets(*folders: str) -> None:
    """Refuses missing buckets, in which making a folder would never end."""
    for folder in folders:
        bucket = files.bucket(folder)
        if bucket and not bucket.exists():
            raise InputError(f"{folder}: there is no bucket {bucket}; make it first")
