"""Flags and dispatch: python -m gandl_jax.main --config=FILE.py[:options] --job=..."""

import contextlib
import errno
import functools
import importlib
import re
import shlex
import sys
import traceback
from collections.abc import Iterator

from absl import flags
from etils import epath

from gandl_jax import config as configs
from gandl_jax import files, hosts, lock, modules, paths, preemption, terminal
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, RunError
from gandl_jax.profiles import unbegun

READING = {"doctor"}  # jobs that leave a workdir as it is, whosever it is
CLAIMING_NOTHING = READING | {"benchmark", "plan"}  # the others are of no experiment
OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
OVERRIDE = re.compile(r"--?config\.([\w.]+)(?:=(.*))?", re.DOTALL)


def define_flags() -> flags.FlagValues:
    """The flags; `--config.KEY=VALUE` is parsed apart, by `split`."""
    values = flags.FlagValues()
    flags.DEFINE_string("config", None, "configs/FILE.py[:options]", values)
    flags.DEFINE_string("workdir", None, "default: runs/<config name>", values)
    flags.DEFINE_list(
        "job",
        ["train"],
        f"a job, a list, or all = {','.join(configs.ALL_JOBS)}",
        values,
    )
    flags.DEFINE_bool("help", False, "show this help", values, short_name="h")
    return values


def split(argv: list[str]) -> tuple[list[str], dict[str, str]]:
    """Divides a command line into flags and `--config.KEY=VALUE` settings.

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
    """The config with its settings, the jobs in order, and the workdir.

    Raises:
      InputError: anything wrong in them.
    """
    if not values.config:
        raise InputError("no config: add --config=configs/FILE.py")
    config = configs.load(paths.expand(values.config))
    configs.override(config, settings)
    paths.expand_all(config)
    jobs = configs.all_jobs(config) if values.job == ["all"] else values.job
    if not jobs:
        raise InputError("no job: add --job=train, or all")
    configs.validate(config, jobs)
    workdir = epath.Path(paths.expand(values.workdir or f"runs/{config.name}"))
    paths.check_all(config, workdir)
    _check_buckets(str(workdir), config.data.source_dir, config.data.dir)
    if workdir.exists() and not workdir.is_dir():
        raise InputError(f"--workdir={workdir} is a file: name a folder")
    if not CLAIMING_NOTHING.issuperset(jobs):
        workdirs.refuse_another(workdir, config)
    return config, jobs, workdir


def _check_buckets(*places: str) -> None:
    """Raises where there is no such bucket, in which making a folder never ends."""
    for place in places:
        bucket = files.bucket(place)
        if bucket and not bucket.exists():
            raise InputError(f"{place}: there is no bucket {bucket}; make it first")


def run_jobs(config, jobs, workdir: epath.Path, command: str) -> None:
    """Runs the jobs; bad input leaves the workdir as it was.

    Of several hosts the first runs those jobs that do not say that all do.
    """
    told = {f"config.{key}": value for key, value in configs.plain(config).items()}
    hosts.agree({"--job": list(jobs), "--workdir": str(workdir), **told})
    _check_prepared(config, jobs, workdir)
    if CLAIMING_NOTHING.issuperset(jobs):
        for name in jobs:
            _run_job(name, config, workdir)
        return
    with _holding(workdir, command):
        _run_recorded(config, jobs, workdir, command)


@contextlib.contextmanager
def _holding(workdir: epath.Path, command: str) -> Iterator[None]:
    """Keeps other processes out of the workdir; of several hosts the first does."""
    if not hosts.leads():
        yield
        return
    with workdirs.making(workdir) as before, lock.held(workdir, command):
        with workdirs.clearing(workdir, before):
            yield


def _run_recorded(config, jobs, workdir: epath.Path, command: str) -> None:
    record = workdir / workdirs.FILE
    before = files.read_bytes(record) if record.exists() else None
    contents = workdirs.contents(workdir)
    hosts.once(lambda: workdirs.record(workdir, config, command))
    hosts.await_file(record)
    begun: list[str] = []
    try:
        with _parts_or_nothing(workdir):
            for name in jobs:
                begun.append(name)
                _run_job(name, config, workdir)
    except BaseException as error:
        refused = isinstance(error, InputError) and {"prepare"}.issuperset(begun[:-1])
        with contextlib.suppress(OSError):  # of a disk that is full
            same = contents is not None and workdirs.contents(workdir) == contents
            if hosts.leads() and before and (refused or same):
                workdirs.forget(workdir, before)  # the record is of what was done
        raise


@contextlib.contextmanager
def _parts_or_nothing(workdir: epath.Path) -> Iterator[None]:
    """Keeps no feature set without a part: not of a killed run, nor of this one."""
    if not hosts.leads():
        yield
        return
    unbegun.drop(workdir)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # of a disk that can only be read by now
            unbegun.drop(workdir)
        raise


def _run_job(name: str, config, workdir: epath.Path) -> None:
    job = modules.load("jobs", name)
    if getattr(job, "ON_ALL_HOSTS", False):
        job.run(config, workdir)
    else:
        hosts.once(functools.partial(job.run, config, workdir))


def _check_prepared(config, jobs, workdir: epath.Path) -> None:
    """Says what is not there yet before anything slow is imported or run."""
    if {"train", "embed"}.isdisjoint(jobs):
        return
    experiment = importlib.import_module("gandl_jax.training.opening")
    experiment.encoder_config(config)
    if "train" in jobs:
        start = importlib.import_module("gandl_jax.training.starting_weights")
        start.check(config, workdir)
    if jobs[0] in ("train", "embed"):
        dataset, _ = experiment.open_dataset(config)
        if jobs[0] == "train":
            experiment.read_classes(config, dataset)


def main(argv: list[str]) -> int:
    """Runs a command line, on this host and with those that run the same.

    Args:
      argv: arguments without the program's name.

    Returns:
      The exit code: 0 done, 2 bad input, 75 preempted and saved, 130 stopped by the
      keyboard, 1 anything else.
    """
    try:
        with terminal.printing_safely(), preemption.heeded():
            return hosts.leave(_attempt(argv))
    except preemption.Preempted as preempted:  # as it was leaving
        return preempted.code


def _advised(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in OF_A_DISK:
        return (
            f"{error}: see that the disk has room and can be written; "
            "the same command goes on"
        )
    return str(error)


def _attempt(argv: list[str]) -> int:
    values = define_flags()
    try:
        rest, settings = split(argv)
        unknown = values(["gandl_jax", *rest])[1:]
        if values.help:
            print(__doc__, values.main_module_help(), values.get_help(), sep="\n")
            return 0
        if unknown:
            raise InputError(f"what is {unknown[0]!r}? Flags look like --job=train")
        config, jobs, workdir = resolve(values, settings)
        if not READING.issuperset(jobs):  # which one host does for itself
            hosts.join()
        run_jobs(config, jobs, workdir, command=shlex.join(argv))
    except (InputError, flags.Error) as error:
        print(f"gandl_jax: {terminal.one_line(error)}", file=sys.stderr)
        return 2
    except (RunError, OSError) as error:
        print(f"gandl_jax: {terminal.one_line(_advised(error))}", file=sys.stderr)
        return 1
    except MemoryError:
        print("gandl_jax: this takes more memory than there is", file=sys.stderr)
        return 1
    except preemption.Preempted as preempted:
        print(f"gandl_jax: {preempted}; the same command goes on", file=sys.stderr)
        return preempted.code
    except KeyboardInterrupt:  # of a library; Ctrl-C itself is heeded
        print("gandl_jax: stopped; the same command goes on", file=sys.stderr)
        return preemption.INTERRUPTED
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    terminal.restart_in_utf8()
    code = main(sys.argv[1:])
    if code in (preemption.CODE, preemption.INTERRUPTED):
        preemption.leave(code)  # threads that still compile would be waited for
    sys.exit(code)
