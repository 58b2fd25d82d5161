"""Needs of jobs, stated at the top of their modules; nothing slow is imported.

ON_ALL_HOSTS = True   all hosts run it; else the first only
WORKDIR = ...         "claimed": it writes into the workdir, which is this experiment's
"untouched": it claims the workdir and makes nothing in it
"unclaimed": it writes there, whosever experiment it is
"read": it only looks, and needs no other host
KNOWS_NEXT = True     its `run` takes `after`, the jobs that run next
CROPS = True          it cuts crops or tiles of config.data.crop_px from images
CONFIG = "written"    it writes the file that --config names, and is run alone
check(config, workdir, before)   refuses what can be refused before slow imports;
`before` are the jobs that run first. Its module is imported.
OPTIONS = {...}       the keys of config.<job> with their defaults
LOWEST = {...}        of them, the lowest value of a number where that is not 0
All but `check` are read, not run: write them out.
"""

from collections.abc import Iterable, Sequence

from etils import epath

from gandl_jax import modules

CLAIMED, UNTOUCHED, UNCLAIMED, READ = "claimed", "untouched", "unclaimed", "read"
WRITTEN = "written"  # a job's CONFIG


def runs_on_all_hosts(job: str) -> bool:
    """Whether every host runs a job, not the first only."""
    return modules.constant("jobs", job, "ON_ALL_HOSTS", default=False)


def only_read(jobs: Iterable[str]) -> bool:
    """Whether jobs only read a workdir."""
    return all(_workdir(job) == READ for job in jobs)


def any_claims(jobs: Iterable[str]) -> bool:
    """Whether one of the jobs claims the workdir for its experiment."""
    return any(_workdir(job) in (CLAIMED, UNTOUCHED) for job in jobs)


def none_writes(jobs: Iterable[str]) -> bool:
    """Whether jobs that claim a workdir write nothing in it."""
    return all(_workdir(job) == UNTOUCHED for job in jobs)


def knows_next(job: str) -> bool:
    """Whether a job is told which jobs run next."""
    return modules.constant("jobs", job, "KNOWS_NEXT", default=False)


def any_crops(jobs: Iterable[str]) -> bool:
    """Whether one of the jobs cuts crops from the images."""
    return any(modules.constant("jobs", job, "CROPS", default=False) for job in jobs)


def writes_config(jobs: Iterable[str]) -> bool:
    """Whether a job writes the file that --config names."""
    return any(modules.constant("jobs", job, "CONFIG") == WRITTEN for job in jobs)


def check(config, jobs: Sequence[str], workdir: epath.Path) -> None:
    """Runs the checks of all jobs.

    Raises:
      InputError: a job refuses.
    """
    for index, job in enumerate(jobs):
        if job in modules.names("jobs", "check"):
            modules.load("jobs", job).check(config, workdir, jobs[:index])


def _workdir(job: str) -> str:
    return modules.constant("jobs", job, "WORKDIR", default=CLAIMED)
