"""Every test runs on 8 virtual CPU devices, with no network and fixed seeds."""

import os
import pathlib

os.environ["JAX_PLATFORMS"] = "cpu"
# Compiling takes most of the tests' time: LLVM need not optimise what runs once.
os.environ["XLA_FLAGS"] = (
    "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0"
)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder with real images and reference numbers; skips without it."""
    folder = os.environ.get("GANDL_TEST_DATA")
    if not folder:
        pytest.skip("GANDL_TEST_DATA is not set: real images and references not found")
    return pathlib.Path(folder).resolve()


@pytest.fixture(scope="session", autouse=True)
def jax_settings(tmp_path_factory):
    """Shapes must match exactly; one compilation cache serves all the tests."""
    import jax

    jax.config.update("jax_numpy_rank_promotion", "raise")
    cache = os.environ.get("GANDL_TEST_CACHE") or tmp_path_factory.mktemp("xla")
    jax.config.update("jax_compilation_cache_dir", str(cache))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache)  # of programs that tests start
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)


@pytest.fixture(scope="module", autouse=True)
def compiled_is_forgotten():
    """Lets go of what a module's tests compiled, which the cache on disk still has.

    Executables take many memory maps, all tests together more than the 65,530 that
    Linux grants a process (vm.max_map_count): the next one then ended in a segfault.
    """
    yield
    import jax

    jax.clear_caches()
