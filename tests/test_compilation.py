"""Compiling: options, the folder where results are kept, and what they equal."""

import concurrent.futures
import functools
import os
import pathlib
import stat
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from gandl_jax import compilation, parallel
from gandl_jax import config as configs
from gandl_jax.methods.gan import method as gan
from gandl_jax.methods.source import Source
from gandl_jax.training import loop

STARTED = """
import hashlib
import jax, numpy as np
import jax.monitoring
from gandl_jax import compilation, parallel

hits = []
jax.monitoring.register_event_listener(
    lambda name, **_: hits.append(name) if name.endswith("/cache_hits") else None
)
compilation.enable_cache()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
run = parallel.map_batch(lambda s, x: {"y": jax.numpy.tanh(x @ s)}, jax.devices())
x = np.random.default_rng(0).normal(size=(8, 16, 16)).astype(np.float32)
print("digest", hashlib.sha256(run(x[0], x)["y"].tobytes()).hexdigest())
print("hits", len(hits))
"""


@pytest.fixture
def unset():
    """No folder is set, as where a program starts."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.fixture
def kept(tmp_path):
    """A folder that holds nothing yet, in place of the other tests'."""
    before = jax.config.jax_compilation_cache_dir
    least = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    compilation_cache.reset_cache()
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
    compilation_cache.reset_cache()


def started(home):
    """What a process of its own says that maps a function; and its errors."""
    told = dict(os.environ, XDG_CACHE_HOME=str(home), XLA_FLAGS="")
    told.pop("JAX_COMPILATION_CACHE_DIR", None)
    result = subprocess.run(
        [sys.executable, "-c", STARTED], env=told, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines(), result.stderr


def value(lines, name):
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    return line.split()[1]


def trained(steps):
    """A small GAN's state after some steps, compiled for anew."""
    config = configs.default()
    config.data.crop_px = 8
    config.model.update(
        channel_base=64, channel_max=8, latent_dim=8, mapping_layers=1, mbstd_group=2
    )
    config.method.update(r1_every_steps=2, path_every_steps=2)
    config.train.batch = 4
    method = gan.Method(config, Source(("a", "b")))
    jax.clear_caches()
    state = jax.jit(method.init)(jax.random.key(0))
    advance = loop.make_step(config, method, parallel.devices(1))
    for step in range(steps):
        images = np.random.default_rng(step).uniform(-1, 1, (4, 8, 8, 2))
        index = np.arange(4, dtype=np.int32)
        batch = {"images": images.astype(np.float32), "index": index}
        state, _ = advance(state, batch, step)
    return jax.tree.map(np.asarray, state)


@pytest.mark.slow
def test_2_steps_with_what_was_kept_equal_those_without_bit_for_bit(kept):
    hits = []
    jax.monitoring.register_event_listener(
        lambda name, **_: hits.append(name) if name.endswith("/cache_hits") else None
    )
    cold, before = trained(2), len(hits)
    files = set(kept.iterdir())
    assert len([f for f in files if f.name.startswith("jit__fun")]) == 4
    warm = trained(2)
    assert len(hits) - before >= 5 and set(kept.iterdir()) == files  # phases and init
    assert jax.tree.all(jax.tree.map(np.array_equal, cold, warm))


@pytest.mark.slow
def test_options_change_nothing_but_rounding(monkeypatch):
    with_options = trained(5)
    monkeypatch.setattr(compilation, "CPU_OPTIONS", {})
    without, start = trained(5), trained(0)
    distance = jax.tree.map(np.subtract, with_options.replace(step=0), without)
    moved = jax.tree.map(np.subtract, without, start)
    for part in ("d", "g", "d_average", "g_average"):
        error = float(optax.tree.norm(getattr(distance, part)))
        assert error < 1e-5 * float(optax.tree.norm(getattr(without, part))), part
        assert error < 1e-2 * float(optax.tree.norm(getattr(moved, part))), part


def test_another_process_reads_what_one_kept_and_mends_what_is_damaged(tmp_path):
    cold, _ = started(tmp_path)
    (phase,) = tmp_path.glob("gandl_jax/*/jit__fun*")
    assert stat.S_IMODE(phase.parent.stat().st_mode) == 0o700
    warm, told = started(tmp_path)
    assert value(warm, "digest") == value(cold, "digest")
    assert int(value(warm, "hits")) > 0 == int(value(cold, "hits"))
    assert "machine" not in told.lower()  # nothing is said of another CPU
    whole = phase.read_bytes()
    phase.write_bytes(whole[: len(whole) // 2])
    damaged, told = started(tmp_path)
    assert value(damaged, "digest") == value(cold, "digest")
    assert any("was damaged" in line for line in damaged)
    assert "Error reading" not in told and not phase.exists()
    mended, _ = started(tmp_path)
    assert value(mended, "digest") == value(cold, "digest") and phase.exists()


def test_processes_fill_one_folder_at_once(tmp_path):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        (one, _), (two, _) = pool.map(started, [tmp_path, tmp_path])
    assert value(one, "digest") == value(two, "digest")
    assert len(list(tmp_path.glob("gandl_jax/*/jit__fun*"))) == 1


def test_settings_of_jax_go_before(tmp_path, monkeypatch, unset):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", "elsewhere")
    compilation.enable_cache()
    assert jax.config.jax_compilation_cache_dir == "elsewhere"
    jax.config.update("jax_compilation_cache_dir", None)
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        compilation.enable_cache()
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
    assert jax.config.jax_compilation_cache_dir is None
    assert not any(tmp_path.iterdir())
    compilation.enable_cache()
    folder = pathlib.Path(jax.config.jax_compilation_cache_dir)
    assert folder.parent == tmp_path / "gandl_jax"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, monkeypatch, unset, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    compilation.enable_cache()
    assert jax.config.jax_compilation_cache_dir is None
    (line,) = capsys.readouterr().out.splitlines()
    assert "nothing is kept" in line and "file" in line


@pytest.mark.parametrize("named", ["", "relative/path"])
def test_without_an_absolute_folder_it_is_the_homes(monkeypatch, tmp_path, named):
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compilation.cache_root() == tmp_path / ".cache/gandl_jax"


def test_what_was_used_least_recently_is_forgotten(tmp_path):
    for number, name in enumerate(("a/old", "b/middle", "a/new")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + number, 1000 + number))
    os.utime(tmp_path / "a/old", (2000, 1000))  # read later than it was written
    compilation.trim_cache(tmp_path, 300)
    assert len(list(tmp_path.glob("*/*"))) == 3
    compilation.trim_cache(tmp_path, 250)
    assert {p.name for p in tmp_path.glob("*/*")} == {"old", "new"}
    compilation.trim_cache(tmp_path, 150)
    assert [p.name for p in tmp_path.glob("*/*")] == ["old"]


def test_an_option_that_is_unknown_is_left_out_with_one_line(monkeypatch, capsys):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_onednn=false")
    options = {
        "xla_cpu_no_such_option": True,
        "xla_cpu_enable_fast_math": False,
        "xla_cpu_prefer_vector_width": "wide",  # no number
        "xla_cpu_use_onednn": True,  # the user's
    }
    assert compilation.known_options(options) == {"xla_cpu_enable_fast_math": False}
    assert compilation.known_options(options) == {"xla_cpu_enable_fast_math": False}
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "does not know xla_cpu_no_such_option=True" in lines[0]
    assert os.environ["XLA_FLAGS"] == "--xla_cpu_use_onednn=false"


def test_options_reach_the_compiler(capsys):
    seen = []

    class Spy:
        """A mapped function that notes the options it is compiled with."""

        def lower(self, *args):
            lowered = jax.pmap(lambda x: jnp.exp(x @ x)).lower(*args)

            def compile(compiler_options):
                seen.append(compiler_options)
                return lowered.compile(compiler_options=compiler_options)

            return types.SimpleNamespace(compile=compile)

    options = {"xla_cpu_enable_fast_math": True, "xla_cpu_no_such_option": 1}
    (run,) = compilation.compile_together([Spy()], options)
    x = np.random.default_rng(0).normal(size=(1, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(run(x), np.exp(x @ x), rtol=1e-5)
    # Another shape is compiled for, the first not again.
    y = np.ones((1, 2, 2), np.float32)
    np.testing.assert_allclose(run(y), np.exp(y @ y), rtol=1e-5)
    np.testing.assert_allclose(run(x), np.exp(x @ x), rtol=1e-5)
    assert seen == [{"xla_cpu_enable_fast_math": True}] * 2
    assert capsys.readouterr().out.count("a function in") == 2


def test_arguments_come_from_any_device_and_give_their_memory():
    mapped = jax.pmap(
        lambda s, x: s + x.sum(),
        in_axes=(None, 0),
        out_axes=None,
        donate_argnums=0,
        devices=jax.devices(),
    )
    (run,) = compilation.compile_together([mapped], {})
    x = np.ones((8, 2), np.float32)
    first = run(jax.device_put(jnp.arange(3.0), jax.devices()[5]), x)
    second = run(first, x)
    assert second.tolist() == [4, 5, 6] and first.is_deleted()
    moved = jax.device_put(second, jax.devices()[3])  # as a checkpoint's are
    assert run(moved, x).tolist() == [6, 7, 8]


def test_functions_are_compiled_at_the_call_of_any(capsys):
    pmap = functools.partial(jax.pmap, devices=jax.devices())
    mapped = [pmap(lambda x: 2 * x), pmap(lambda x: x - 1)]
    double, less = compilation.compile_together(mapped, {})
    x = np.arange(8.0, dtype=np.float32)
    assert less(x).tolist() == (x - 1).tolist()
    (line,) = capsys.readouterr().out.splitlines()
    assert "2 functions in" in line
    assert double(x).tolist() == (2 * x).tolist() and not capsys.readouterr().out
