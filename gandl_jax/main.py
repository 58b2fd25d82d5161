"""Flags and dispatch: python -m gandl_jax.main --config=FILE.py[:options] --job=...

Where the package is installed, `gandl-jax` is the same command.
"""

import errno
import shlex
import sys
import traceback
from typing import NoReturn

from absl import flags

from gandl_jax import command_line, hosts, job_needs, preemption, run_jobs, terminal
from gandl_jax.errors import InputError, RunError

NO_MEMORY = (
    "this takes more memory than there is, or than ulimit -v allows (docs/data.md, "
    "Memory)"
)
NO_ROOM = "failed to map segment"  # of a library that does not fit into memory
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def main(argv: list[str]) -> int:
    """Runs a command line on this host, together with others that run the same.

    Args:
      argv: arguments without the program's name.

    Returns:
      The exit code: 0 done, 2 bad input, 75 preempted and saved, 130 stopped by the
      keyboard, 1 anything else.
    """
    try:
        with terminal.printing_safely(), preemption.heeded():
            return hosts.leave(_attempt(argv))
    except preemption.Preempted as preempted:  # while leaving
        return preempted.code


def _advised(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return f"{NO_MEMORY}: {error}"
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return (
            f"{error}: see that the disk has room and can be written; "
            "the same command goes on"
        )
    return str(error)


def _attempt(argv: list[str]) -> int:
    values = command_line.define_flags()
    try:
        rest, settings = command_line.split(argv)
        unknown = values(["gandl_jax", *rest])[1:]
        if values.help:
            print(__doc__, values.main_module_help(), values.get_help(), sep="\n")
            return 0
        if unknown:
            raise InputError(f"what is {unknown[0]!r}? Flags look like --job=train")
        config, jobs, workdir = command_line.resolve(values, settings)
        if not job_needs.only_read(jobs):  # jobs that read run on one host
            hosts.join()
        run_jobs.run_jobs(config, jobs, workdir, command=shlex.join(argv))
    except (InputError, flags.Error) as error:
        print(f"gandl_jax: {terminal.one_line(error)}", file=sys.stderr)
        return 2
    except (RunError, OSError) as error:
        print(f"gandl_jax: {terminal.one_line(_advised(error))}", file=sys.stderr)
        return 1
    except MemoryError:
        print(f"gandl_jax: {NO_MEMORY}", file=sys.stderr)
        return 1
    except preemption.Preempted as preempted:
        print(f"gandl_jax: {preempted}; the same command goes on", file=sys.stderr)
        return preempted.code
    except KeyboardInterrupt:  # raised by a library; Ctrl-C itself is handled
        print("gandl_jax: stopped; the same command goes on", file=sys.stderr)
        return preemption.INTERRUPTED
    except Exception as error:
        if isinstance(error, ImportError) and NO_ROOM in str(error):
            print(f"gandl_jax: {NO_MEMORY}", file=sys.stderr)
        else:
            traceback.print_exc()
        return 1
    return 0


def command() -> NoReturn:
    """Runs the program's own command line, and ends with its exit code."""
    terminal.restart_in_utf8()
    code = main(sys.argv[1:])
    if code in (preemption.CODE, preemption.INTERRUPTED):
        preemption.leave(code)  # threads that still compile would be waited for
    sys.exit(code)


if __name__ == "__main__":
    command()
