"""Compiling: before the first call, with options, kept on disk for the next start."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import glob
import hashlib
import os
import pathlib
import platform
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.monitoring
import jaxlib

# Of XLA's compiler for CPU; measured on 2 cores with the phases of two adversarial
# convolutional networks at 64 px (ours); other methods were not tried.
CPU_OPTIONS = {
    # Products and filter gradients by a library: steps with first
    # derivatives run 1.2 to 1.3 times as fast, with second ones .92 to .95 times.
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT",
    # No slower when it runs, and a fifth less to compile. (The preset FAST_COMPILE is
    # left out: with the library, 1 and 2 devices differed by 6e-5 after 10 steps.)
    "xla_backend_optimization_level": 1,
}
MOST_BYTES = 2 << 30  # of all that is kept; a training at 64 px keeps 3 MB
UNREADABLE = re.compile(r"Error reading persistent compilation cache entry for '(.+?)'")
_BY_JAX = "/jax/core/compile/backend_compile_duration"  # of one function


@dataclasses.dataclass
class _Spent:
    """Seconds by the clock that this process has compiled for."""

    seconds: float = 0.0
    is_counted: bool = False  # by who compiles several side by side

    def add(self, event: str, seconds: float, **_: Any) -> None:
        if event == _BY_JAX and not self.is_counted:
            self.seconds += seconds

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        began, self.is_counted = time.monotonic(), True
        try:
            yield
        finally:
            self.is_counted = False
            self.seconds += time.monotonic() - began


_spent = _Spent()
jax.monitoring.register_event_duration_secs_listener(_spent.add)


def seconds() -> float:
    """Seconds by the clock that this process has compiled for so far.

    Of functions that are compiled ahead tracing is a part; of others what XLA takes.
    """
    return _spent.seconds


def compile_together(
    mapped: Sequence[Callable],
    options: Mapping[str, Any],
    after: Callable[[Sequence[jax.stages.Lowered]], None] = lambda lowered: None,
) -> list[Callable]:
    """Wraps functions so that the first call of any compiles all of them in parallel.

    They take arguments of one shape; for others they are compiled anew. Arguments may
    lie on any device; where the devices are of several hosts, on all of them.

    Args:
      mapped: functions that can be lowered.
      options: of XLA's compiler, {name: value}; those that it does not know are left
        out, and so are those that the user has set in XLA_FLAGS.
      after: called when they are compiled, before they run, with what was compiled.

    Returns:
      As many functions, of the same arguments.
    """
    compiled: dict[Any, list[jax.stages.Compiled]] = {}

    def call(number: int, *args: Any) -> Any:
        shapes = _shapes(args)
        if shapes not in compiled:
            with _spent.counting():
                lowered, new = _compile(mapped, args, known_options(options))
            compiled[shapes] = new
            after(lowered)
        run = compiled[shapes][number]
        return run(*jax.tree.map(_placed, args, run.input_shardings[0]))

    return [functools.partial(call, number) for number in range(len(mapped))]


def _compile(
    mapped: Sequence[Callable], args: Sequence[Any], options: dict[str, Any]
) -> tuple[list[jax.stages.Lowered], list[jax.stages.Compiled]]:
    """Compiles side by side, for XLA keeps one core busy with one function."""
    began = time.monotonic()
    # For a GPU, kernels are timed against one another while they are compiled.
    threads = 1 if jax.default_backend() == "gpu" else os.cpu_count()
    with (
        warnings.catch_warnings(record=True) as caught,
        concurrent.futures.ThreadPoolExecutor(threads) as pool,
    ):
        lowered, tasks = [], []
        for fn in mapped:  # the next is traced while this one is compiled
            lowered.append(fn.lower(*args))
            tasks.append(pool.submit(lowered[-1].compile, compiler_options=options))
        compiled = [task.result() for task in tasks]
    for warning in caught:
        _repair_or_pass_on(warning)
    count = f"{len(mapped)} functions" if len(mapped) > 1 else "a function"
    print(f"compile   {count} in {time.monotonic() - began:.1f} s")
    return lowered, compiled


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the installed compiler knows and the user has not set."""
    own = os.environ.get("XLA_FLAGS", "")
    return {k: v for k, v in options.items() if k not in own and _knows(k, v)}


@functools.cache
def _knows(name: str, value: Any) -> bool:
    try:
        jax.jit(lambda x: x).lower(0.0).compile(compiler_options={name: value})
    except jax.errors.JaxRuntimeError:
        print(
            f"compile   jaxlib {jaxlib.__version__} does not know {name}={value}: "
            "it is left out, which makes no difference but to the speed"
        )
        return False
    return True


def enable_cache() -> None:
    """Keeps what is compiled in a folder of the user's, for the next start.

    It is `gandl_jax` in $XDG_CACHE_HOME or ~/.cache. JAX's own settings go before:
    JAX_COMPILATION_CACHE_DIR names another, JAX_ENABLE_COMPILATION_CACHE=0 keeps
    nothing. Several processes may share it.
    """
    settings = jax.config
    if settings.jax_compilation_cache_dir is not None:
        return
    if not settings.jax_enable_compilation_cache:
        return
    try:
        root = cache_root()
        # Machine code of another CPU may not run here, and homes are shared.
        folder = root / f"{platform.machine()}-{_cpu()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        trim_cache(root, MOST_BYTES)
    except (OSError, RuntimeError) as error:
        print(f"compile   nothing is kept for the next start: {error}")
        return
    settings.update("jax_compilation_cache_dir", str(folder))


@contextlib.contextmanager
def cache_disabled() -> Iterator[None]:
    """Keeps nothing of what is compiled within, which this machine cannot run."""
    name = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(jax.config, name)
    jax.config.update(name, float("inf"))
    try:
        yield
    finally:
        jax.config.update(name, before)


def cache_root() -> pathlib.Path:
    """The user's folder for what can be made again (XDG base directories).

    Raises:
      RuntimeError: there is no home folder.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    home = (
        pathlib.Path(named) if os.path.isabs(named) else pathlib.Path.home() / ".cache"
    )
    return home / "gandl_jax"


def trim_cache(root: pathlib.Path, most_bytes: int) -> None:
    """Deletes what was used least recently, until the rest is small enough.

    Args:
      root: folder of folders of files.
      most_bytes: that may stay.
    """
    found = []
    for path in root.glob("*/*"):
        try:
            stat = path.stat()
        except FileNotFoundError:  # another process deletes as well
            continue
        # Reading does not change a file's times where it is mounted so.
        found.append((max(stat.st_atime, stat.st_mtime), stat.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size


def _repair_or_pass_on(warning: warnings.WarningMessage) -> None:
    """Deletes what cannot be read, which JAX would keep; shows other warnings.

    JAX tells the name of the function only, which others have too: all go.
    """
    unreadable = UNREADABLE.match(str(warning.message))
    folder = jax.config.jax_compilation_cache_dir
    if not unreadable or not folder or "://" in folder:
        warnings.warn_explicit(
            warning.message, warning.category, warning.filename, warning.lineno
        )
        return
    for path in pathlib.Path(folder).glob(f"{glob.escape(unreadable[1])}-*"):
        path.unlink(missing_ok=True)
    print(f"compile   a file in {folder} was damaged: compiled again")


def _cpu() -> str:
    """Eight letters that differ where the CPU or what it can do does."""
    info = pathlib.Path("/proc/cpuinfo")
    names = ("model name", "flags", "CPU part", "Features")
    lines = info.read_text().splitlines() if info.exists() else [platform.processor()]
    kept = {line for line in lines if not info.exists() or line.startswith(names)}
    return hashlib.sha256("\n".join(sorted(kept)).encode()).hexdigest()[:8]


def _placed(x: Any, sharding: jax.sharding.Sharding) -> Any:
    """An array where it is to be; left alone where it is there, which is faster."""
    at = getattr(x, "sharding", sharding)  # NumPy's arrays go anywhere
    unused = sharding is None
    return x if unused or at == sharding else jax.device_put(x, sharding)


def _shapes(args: Any) -> Any:
    leaves, structure = jax.tree.flatten(args)
    return structure, tuple((x.shape, x.dtype) for x in leaves)
