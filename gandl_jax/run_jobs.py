"""Runs jobs in a workdir that this process holds; failed jobs leave nothing."""

import contextlib
import functools
from collections.abc import Iterator, Sequence

from etils import epath

from gandl_jax import config as configs
from gandl_jax import files, hosts, job_needs, lock, modules
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.profiles import empty_sets


def run_jobs(config, jobs: Sequence[str], workdir: epath.Path, command: str) -> None:
    """Runs jobs one after the other; bad input leaves the workdir as it was.

    Args:
      config: as resolved.
      jobs: names, in order.
      workdir: of the experiment.
      command: the command line, for the reader of the report.
    """
    flat = configs.plain(config)
    flags = {"--job": list(jobs), "--workdir": str(workdir)}
    hosts.agree(flags | {f"config.{key}": value for key, value in flat.items()})
    job_needs.check(config, jobs, workdir)
    if not job_needs.any_claims(jobs):
        for index, name in enumerate(jobs, 1):
            _run_job(name, config, workdir, jobs[index:])
        return
    with _holding(workdir, command):
        _run_recorded(config, jobs, workdir, command)


@contextlib.contextmanager
def _holding(workdir: epath.Path, command: str) -> Iterator[None]:
    """Keeps other processes out of the workdir, on the first host for all."""
    if not hosts.leads():
        yield
        return
    with workdirs.making(workdir) as before, lock.held(workdir, command):
        with workdirs.clearing(workdir, before):
            yield


def _run_recorded(config, jobs, workdir: epath.Path, command: str) -> None:
    """Runs jobs with the config recorded; restores the record if nothing was done."""
    record = workdir / workdirs.FILE
    before = files.read_bytes(record) if record.exists() else None
    contents = workdirs.contents(workdir)
    hosts.once(lambda: workdirs.record(workdir, config, command))
    hosts.await_file(record)
    done: list[str] = []
    try:
        with _parts_or_nothing(workdir):
            for index, name in enumerate(jobs, 1):
                _run_job(name, config, workdir, jobs[index:])
                done.append(name)
    except BaseException as error:
        is_refused = isinstance(error, InputError) and job_needs.none_writes(done)
        with contextlib.suppress(OSError):  # of a disk that is full
            is_unchanged = (
                contents is not None and workdirs.contents(workdir) == contents
            )
            if hosts.leads() and before and (is_refused or is_unchanged):
                workdirs.restore_record(workdir, before)
        raise


@contextlib.contextmanager
def _parts_or_nothing(workdir: epath.Path) -> Iterator[None]:
    """Deletes feature sets without any part, of a killed run or of this one."""
    if not hosts.leads():
        yield
        return
    empty_sets.drop(workdir)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # of a disk that can only be read by now
            empty_sets.drop(workdir)
        raise


def _run_job(name: str, config, workdir: epath.Path, after: Sequence[str]) -> None:
    """Runs a job on all hosts, or on the first of them while the others wait."""
    run = functools.partial(modules.load("jobs", name).run, config, workdir)
    if job_needs.knows_next(name):
        run = functools.partial(run, after=after)
    if job_needs.runs_on_all_hosts(name):
        run()
    else:
        hosts.once(run)
