"""Every test runs on 8 virtual CPU devices, with no network and fixed seeds."""

import contextlib
import hashlib
import io
import os
import pathlib
import signal
import socket
import subprocess
import sys
import types

os.environ["JAX_PLATFORMS"] = "cpu"
# Compiling takes most of the tests' time: LLVM need not optimise what runs once, and
# XLA's newer way to write a fusion's loops takes longer to compile by two thirds.
os.environ["XLA_FLAGS"] = (
    "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0 "
    "--xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A shell's background jobs ignore Ctrl-C, and so would all programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parent))
pytest_plugins = ["tiny_screens", "dask_processes"]

CODE = {".py", ".sh", ".ini", ".txt"}  # what a test that passed depends on


def pytest_addoption(parser):
    parser.addoption(
        "--go-on",
        action="store_true",
        help="leave out what passed with this code in a run that did not end",
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--go-on"):
        return
    passed = _passed(config)
    items[:], left_out = (
        [item for item in items if (item.nodeid in passed) == done]
        for done in (False, True)
    )
    config.hook.pytest_deselected(items=left_out)


def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        _called.add(report.nodeid)
    elif report.when == "teardown" and report.passed and report.nodeid in _called:
        if _file:
            with _file.open("a") as file:
                file.write(f"{report.nodeid}\n")


def pytest_sessionfinish(session, exitstatus):
    if _file and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        _file.unlink(missing_ok=True)  # all passed: the next run is a new one
        session.exitstatus = pytest.ExitCode.OK


_file = None
_called: set[str] = set()  # and passed


def _passed(config) -> set[str]:
    """The tests that passed with this code; where it was another's, none."""
    global _file
    root = pathlib.Path(__file__).resolve().parents[1]
    digest = hashlib.sha256(os.environ.get("GANDL_TEST_DATA", "").encode())
    for path in sorted(p for p in root.rglob("*.*") if p.suffix in CODE):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            digest.update(path.read_bytes())
    _file = config.cache.mkdir("gandl_jax") / "passed"
    lines = _file.read_text().splitlines() if _file.exists() else []
    if lines[:1] != [digest.hexdigest()]:
        _file.write_text(f"{digest.hexdigest()}\n")
    return set(lines[1:]) if lines[:1] == [digest.hexdigest()] else set()


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
    here = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        here = here.parent  # of all processes that share the tests out
    cache = os.environ.get("GANDL_TEST_CACHE") or here / "xla"
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


class TwoHosts:
    """Two processes on loopback that stand for two hosts, of two devices each."""

    def free_port(self):
        """A port of this machine that nobody listens at."""
        with contextlib.closing(socket.socket()) as chosen:
            chosen.bind(("127.0.0.1", 0))
            return chosen.getsockname()[1]

    def variables(self, place, port):
        """What the environment of one of them says."""
        return {
            "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
            "JAX_NUM_PROCESSES": "2",
            "JAX_PROCESS_ID": str(place),
        }

    def start(self, words, variables=None):
        """Starts Python with the same words on both; gives the processes."""
        port, say = self.free_port(), variables or self.variables
        flags = os.environ["XLA_FLAGS"].replace("device_count=8", "device_count=2")
        root = str(pathlib.Path(__file__).resolve().parents[1])
        common = dict(os.environ, XLA_FLAGS=flags, PYTHONPATH=root)
        return [
            subprocess.Popen(
                [sys.executable, *words],
                env=common | say(place, port),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for place in (0, 1)
        ]

    def ends(self, processes, timeout_s=300):
        """(exit code, output, errors) of each, once all have ended."""
        try:
            told = [process.communicate(timeout=timeout_s) for process in processes]
        finally:
            for process in processes:
                process.kill()
        return [(p.returncode, *t) for p, t in zip(processes, told, strict=True)]


@pytest.fixture(scope="session")
def two_hosts():
    """Starts two processes that stand for two hosts."""
    return TwoHosts()


@pytest.fixture(scope="session")
def smoke_screen(tmp_path_factory):
    """(source, prepared) folders of a simulated screen, smoke size."""
    folder = tmp_path_factory.mktemp("smoke")
    return types.SimpleNamespace(source=folder / "raw", prepared=folder / "prepared")


@pytest.fixture(scope="session")
def run(request, smoke_screen):
    """Runs the program on configs/demo.py:smoke, one device; gives the exit code.

    Its attribute `words` gives the command line, `recipe` settings of all four phases.
    Both take config=FILE.py:OPTIONS, or method=NAME of the demo's.
    """
    from gandl_jax import main as program

    root = request.config.rootpath.parent
    smallest = {
        "gan": (
            "--config.model.channel_base=64",
            "--config.model.channel_max=8",
            "--config.model.latent_dim=8",
        ),
        "classifier": ("--config.data.label=condition",),
    }

    def words(workdir, *arguments, config="", method="gan"):
        config = config or f"demo.py:smoke,method={method}"
        return [
            f"--config={root}/configs/{config}",
            f"--workdir={workdir}",
            f"--config.data.source_dir={smoke_screen.source}",
            f"--config.data.dir={smoke_screen.prepared}",
            "--config.train.devices=1",
            "--config.data.crop_px=8",
            *smallest.get(method, ()),
            *arguments,
        ]

    def run(workdir, *arguments, **options):
        return program.main(words(workdir, *arguments, **options))

    run.words = words
    # Both regularisers run before step 2 and after it, and augmentation's strength
    # moves with every step; compiled once for all tests.
    run.recipe = (
        "--config.method.r1_every_steps=2",
        "--config.method.path_weight=2",
        "--config.method.path_every_steps=3",
        "--config.method.augment=adaptive",
        "--config.method.augment_speed_images=256",
        "--config.method.augment_every_steps=1",
    )
    return run


@pytest.fixture(scope="session")
def trained(run, tmp_path_factory):
    """The workdir of a demo of one step, embedded; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("demo")
    steps = "--config.train.total_images=32"
    assert run(folder, "--job=prepare,train,embed", steps) == 0
    return folder


@pytest.fixture(scope="session")
def rxrx19a_files():
    """Function that draws so many records in RxRx19a's form: path to bytes."""
    return _rxrx19a_files


@pytest.fixture
def rxrx19a_folder(tmp_path):
    """Function that writes so many such records; gives their folder."""

    def write(records: int) -> pathlib.Path:
        for path, data in _rxrx19a_files(records).items():
            (tmp_path / "raw" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "raw" / path).write_bytes(data)
        return tmp_path / "raw"

    return write


def _rxrx19a_files(records: int) -> dict[str, bytes]:
    import numpy as np
    import pandas as pd
    from PIL import Image

    from gandl_jax.screens import rxrx19a

    rng, made, rows = np.random.default_rng(0), {}, []
    for i in range(records):
        row = dict.fromkeys(rxrx19a.COLUMNS.values(), "")
        row |= {"experiment": "HRCE-1", "plate": str(1 + i % 2), "site": "1"}
        row |= {"well": f"B{i + 1:02}", "site_id": str(i), "disease_condition": "Mock"}
        rows.append(row)
        for channel in "12345":
            png = io.BytesIO()
            pixels = rng.integers(0, 99, (16, 16), np.uint8)
            Image.fromarray(pixels).save(png, "PNG")
            made[rxrx19a.SCREEN.image_path(row, channel)] = png.getvalue()
    made["metadata.csv"] = pd.DataFrame(rows).to_csv(index=False).encode()
    return made


@pytest.fixture
def flipped():
    """Generator of the bits of a file, each flipped as long as it is looked at.

    Args of it:
      path: of the file, which is whole again at the end.
      count: of flips, each of another bit at random.
    """

    import numpy as np

    def flip(path, count):
        whole = path.read_bytes()
        bits = np.random.default_rng(0).permutation(8 * len(whole))[:count]
        for bit in bits.tolist():
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            path.write_bytes(data)
            yield bit
        path.write_bytes(whole)

    return flip
