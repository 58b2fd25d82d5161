"""Compilation before the first call, with options, cached on disk."""

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

# Options of XLA's compiler for CPU; measured on 2 cores with phases of two adversarial
# convolutional networks at 64 px (ours); other methods were not tried.
CPU_OPTIONS = {
    # Products and filter gradients by a library: steps with first
    # derivatives run 1.2 to 1.3 times as fast, with second ones .92 to .95 times.
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT",
    # No slower when it runs, and a fifth less to compile. (The preset FAST_COMPILE is
    # left out: with the library, 1 and 2 devices differed by 6e-5 after 10 steps.)
    "xla_backend_optimization_level": 1,
}
MOST_BYTES = 2 << 30  # of the cache; a training at 64 px takes 3 MB
UNREADABLE = re.compile(r"Error reading persistent compilation cache entry for '(.+?)'")
_BY_JAX = "/jax/core/compile/backend_compile_duration"  # of one function


@dataclasses.dataclass
class _Spent:
    """Wall-clock seconds of compilation in this process."""

    seconds: float = 0.0
    is_counted: bool = False  # by `counting`, when several compile in parallel

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
    """Returns the wall-clock seconds of compilation in this process so far.

    For functions compiled by `compile_together` they include tracing.
    """
    return _spent.seconds


def compile_together(
    mapped: Sequence[Callable],
    options: Mapping[str, Any],
    after: Callable[[Sequence[jax.stages.Lowered]], None] = lambda lowered: None,
) -> list[Callable]:
    """Wraps functions so that the first call of any compiles all of them in parallel.

    They take arguments of the same shapes; for others they are compiled again.
    Arguments may be on any device; if devices are of several hosts, on all of them.

    Args:
      mapped: functions that can be lowered.
      options: of XLA's compiler, {name: value}; unknown ones are left out, and so are
        those that the user has set in XLA_FLAGS.
      after: called with the lowered functions, once compiled and before they run.

    Returns:
      As many functions, with the same arguments.
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
    """Compiles in parallel, as XLA uses one core for a function."""
    began = time.monotonic()
    # For a GPU, compilation times kernels, which must run alone.
    threads = 1 if jax.default_backend() == "gpu" else os.cpu_count()
    with (
        warnings.catch_warnings(record=True) as caught_warnings,
        concurrent.futures.ThreadPoolExecutor(threads) as pool,
    ):
        lowered, tasks = [], []
        for fn in mapped:  # the next is traced while this one is compiled
            lowered.append(fn.lower(*args))
            tasks.append(pool.submit(lowered[-1].compile, compiler_options=options))
        compiled = [task.result() for task in tasks]
    for warning in caught_warnings:
        _repair_or_pass_on(warning)
    count = f"{len(mapped)} functions" if len(mapped) > 1 else "a function"
    print(f"compile   {count} in {time.monotonic() - began:.1f} s")
    return lowered, compiled


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that the compiler knows and the user has not set."""
    user_flags = os.environ.get("XLA_FLAGS", "")
    return {
        name: value
        for name, value in options.items()
        if name not in user_flags and _knows(name, value)
    }


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
    """Enables a cache of compiled functions in a folder of the user.

    It is `gandl_jax` in $XDG_CACHE_HOME or ~/.cache. JAX's settings have precedence:
    JAX_COMPILATION_CACHE_DIR names another folder, JAX_ENABLE_COMPILATION_CACHE=0
    disables the cache. Several processes may share it.
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
    """Disables the cache within, for programs that this machine cannot run."""
    name = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(jax.config, name)
    jax.config.update(name, float("inf"))
    try:
        yield
    finally:
        jax.config.update(name, before)


def cache_root() -> pathlib.Path:
    """Returns the user's cache folder (XDG base directories).

    Raises:
      RuntimeError: there is no home folder.
    """
    xdg_folder = os.environ.get("XDG_CACHE_HOME", "")
    home = (
        pathlib.Path(xdg_folder)
        if os.path.isabs(xdg_folder)
        else pathlib.Path.home() / ".cache"
    )
    return home / "gandl_jax"


def trim_cache(root: pathlib.Path, most_bytes: int) -> None:
    """Deletes the least recently used files, until the rest is small enough.

    Args:
      root: folder of folders of files.
      most_bytes: that may stay.
    """
    cached_files = []
    for path in root.glob("*/*"):
        try:
            stat = path.stat()
        except FileNotFoundError:  # another process deletes as well
            continue
        # Some mounts do not update the time of access.
        cached_files.append((max(stat.st_atime, stat.st_mtime), stat.st_size, path))
    total = sum(size for _, size, _ in cached_files)
    for _, size, path in sorted(cached_files):
        if total <= most_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size


def _repair_or_pass_on(warning: warnings.WarningMessage) -> None:
    """Deletes unreadable cache files, which JAX would keep; shows other warnings.

    JAX names only the function: the files of all functions of that name are deleted.
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
    """Returns eight letters that depend on the CPU and its features."""
    info = pathlib.Path("/proc/cpuinfo")
    names = ("model name", "flags", "CPU part", "Features")
    lines = info.read_text().splitlines() if info.exists() else [platform.processor()]
    kept = {line for line in lines if not info.exists() or line.startswith(names)}
    return hashlib.sha256("\n".join(sorted(kept)).encode()).hexdigest()[:8]


def _placed(array: Any, sharding: jax.sharding.Sharding) -> Any:
    """Moves an array to its sharding; one that is there is left alone, for speed."""
    present = getattr(array, "sharding", sharding)  # NumPy's arrays go anywhere
    unused = sharding is None
    return array if unused or present == sharding else jax.device_put(array, sharding)


def _shapes(args: Any) -> Any:
    leaves, structure = jax.tree.flatten(args)
    return structure, tuple((array.shape, array.dtype) for array in leaves)
