"""What a training costs: seconds by a clock of ours, numbers counted by hand."""

import types

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import compilation, costs, parallel
from gandl_jax import config as configs
from gandl_jax.methods.phase import Phase
from gandl_jax.methods.source import Source
from gandl_jax.training import cost_meter, opening, step_shapes
from gandl_jax.training.cost_meter import CHECKPOINTS, PICTURES, Meter

SOURCE = Source(channels=("dna", "actin"))


@flax.struct.dataclass
class State:
    matrix: jax.Array


class Products:
    """Phases that multiply [B, 8] by [8, 8]; the second is due every 4th step."""

    unit = 1

    def __init__(self):
        self.phases = (Phase("one", 1, self.product), Phase("two", 4, self.product))

    def init(self, key):
        return State(jax.random.normal(key, (8, 8)))

    def items(self, state):
        return {"encoder": {"matrix": state.matrix, "unused": state}, "train": state}

    def embed(self, encoder, images):
        return {"product": images.mean((1, 2)) @ encoder["matrix"][:2]}

    @staticmethod
    def product(state, batch, key):
        del key
        rows = batch["images"].reshape(-1, 4 * 4 * 2)[:, :8]
        return State(state.matrix), {"sum": rows @ state.matrix}


@pytest.fixture
def config():
    config = configs.default("autoencoder")
    configs.smoke(config)
    config.train.batch, config.data.crop_px = 6, 4
    return config


@pytest.fixture
def clock(monkeypatch):
    """Tells `now` seconds, of which `compiled` were spent compiling."""
    told = types.SimpleNamespace(now=100.0, compiled=40.0)
    monkeypatch.setattr(compilation, "seconds", lambda: told.compiled)
    return told


@pytest.fixture
def new(tmp_path, config, clock):
    """Function that makes the meter of another start."""
    devices = parallel.devices(1)

    def make():
        return Meter(tmp_path, config, Products(), 2, devices, lambda: clock.now)

    return make


def test_seconds_are_told_apart(new, clock, tmp_path):
    meter = new()
    clock.now, clock.compiled = 105.0, 43.0  # the first state
    meter.begin(0, None)
    clock.now, clock.compiled = 115.0, 51.0  # 8 of 10 s compile the phases
    with meter.timing(CHECKPOINTS):
        clock.now += 3
        with meter.timing(PICTURES):
            clock.now += 0.5
            clock.compiled += 0.25
        clock.now += 1
    clock.now += 7
    meter.done(3)
    meter.write()
    found = costs.read(tmp_path)["training"]
    spent = {kind: x for kind, x in found["seconds"].items() if x}
    assert spent == {"steps": 9.0, "checkpoints": 4.0, "pictures": 0.25}
    assert found["compile_seconds"] == 11.25
    assert (found["step"], found["images"], found["batch"]) == (3, 18, 6)
    assert found["peak_device_bytes"] is None, "a CPU does not tell"
    assert 10**7 < found["peak_host_bytes"] < 10**12
    assert found["device"] == "cpu" and found["stopped"] is None


def go(meter, clock, first, noted, steps, seconds):
    """Makes steps of so many seconds; gives the figures beside their checkpoint."""
    meter.begin(first, noted)
    clock.now += steps * seconds
    meter.done(first + steps)
    return meter.figures()


def test_what_was_lost_is_told_apart_from_what_led_to_the_end(new, clock, tmp_path):
    at_4 = go(new(), clock, 0, None, 4, 1.0)
    killed = new()
    go(killed, clock, 4, at_4, 5, 2.0)
    killed.write()  # with the metrics of step 9, and then it is killed
    clock.now += 1_000
    again = new()
    go(again, clock, 4, at_4, 6, 1.5)
    again.close()
    found = costs.read(tmp_path)["training"]
    assert found["steps"] == 10 and found["seconds"]["steps"] == 4 * 1.0 + 6 * 1.5
    assert found["redone"] == {"steps": 5, "seconds": 10.0}
    # It goes back by itself, to a checkpoint that is older than those it has.
    go(again, clock, 4, at_4, 2, 1.0)
    again.close()
    found = costs.read(tmp_path)["training"]
    assert found["steps"] == 6 and found["seconds"]["steps"] == 4.0 + 2.0
    assert found["redone"] == {"steps": 5 + 6, "seconds": 10.0 + 9.0}
    assert found["began"] == at_4["began"]


def test_compiling_counts_once_in_every_start(new, clock, tmp_path):
    for first, compiled in ((0, 5.0), (2, 7.0)):
        meter = new()
        noted = costs.read_or_begin(tmp_path).get("training")
        meter.begin(first, noted)
        clock.compiled += compiled
        meter.done(first + 2)
        meter.close()
    assert costs.read(tmp_path)["training"]["compile_seconds"] == 12.0
    meter.begin(2, noted)  # it went back
    clock.compiled += 1.0
    meter.done(3)
    meter.close()
    assert costs.read(tmp_path)["training"]["compile_seconds"] == 13.0


def test_what_a_stop_took_after_its_checkpoint_counts(new, clock, tmp_path):
    stopped = new()
    at_4 = go(stopped, clock, 0, None, 4, 1.0)
    with stopped.timing(CHECKPOINTS):
        clock.now += 8.0
    stopped.close()
    found = go(new(), clock, 4, at_4, 1, 1.0)
    assert found["seconds"]["checkpoints"] == 8.0
    assert found["redone"] == {"steps": 0, "seconds": 0.0}


@pytest.mark.parametrize("noted", [None, {"step": 4}, "no figures"])
def test_a_former_versions_steps_are_not_guessed(new, clock, noted):
    found = go(new(), clock, 4, noted, 3, 2.0)
    assert (found["since_step"], found["step"], found["steps"]) == (4, 7, 3)
    assert found["images"] == 18 and found["seconds"]["steps"] == 6.0


def test_a_damaged_file_loses_no_more_than_what_was_lost(new, clock, tmp_path, capsys):
    at_4 = go(new(), clock, 0, None, 4, 1.0)
    (tmp_path / costs.FILE).write_text("{")
    found = go(new(), clock, 4, at_4, 1, 1.0)
    assert "is damaged: begun anew" in capsys.readouterr().out
    assert found["steps"] == 5 and found["seconds"]["steps"] == 5.0


def test_work_is_that_of_the_products(config, clock, new):
    del clock
    method, batch = Products(), 6
    state, parts, key = step_shapes.shapes(config, method, SOURCE, batch)
    rows = jax.ShapeDtypeStruct((batch, 8), jnp.float32)
    plain = jax.jit(jnp.matmul).lower(rows, state.matrix).cost_analysis()["flops"]
    assert plain == 2 * batch * 8 * 8
    counts = [
        parallel.count_flops(phase.fn, state, parts, key) for phase in method.phases
    ]
    assert counts == [plain, plain]
    assert step_shapes.per_step(method, counts) == plain * (1 + 1 / 4)
    assert step_shapes.per_step(method, [plain, None]) is None
    lowered = []
    run = parallel.split_all(
        [phase.fn for phase in method.phases], parallel.devices(1), lowered.extend
    )
    batch = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), parts)
    run[0](method.init(jax.random.key(0)), batch, jax.random.key(0))
    # Where results lie is a call that XLA does not know, and counts as -1.
    assert list(map(parallel.flops, lowered)) == pytest.approx(counts, abs=2)
    meter = new()
    meter.begin(0, None)
    meter.count(lambda: plain)
    meter.count(lambda: pytest.fail("it is known"))
    assert meter.figures()["flops_per_step"] == plain


def test_what_cannot_be_counted_is_told_and_stops_nothing(new, capsys):
    def fail():
        raise RuntimeError("no such operation")

    meter = new()
    meter.begin(0, None)
    meter.count(fail)
    assert meter.figures()["flops_per_step"] is None
    assert "operations are not counted: no such operation" in capsys.readouterr().out


def test_a_batch_in_parts_is_as_much_work_as_in_one(config):
    whole = step_shapes.flops_per_step(config, SOURCE)
    config.train.accumulate = 3
    assert step_shapes.flops_per_step(config, SOURCE) == whole > 1e5


def test_only_what_embedding_takes_counts_as_the_encoders(config):
    found = cost_meter.parameters(config, Products(), 2)
    assert found["encoder_by_name"] == {"matrix": 64}
    assert found["state_by_name"] == {"matrix": 64}


def test_parameters_of_an_autoencoder_by_hand(config):
    """Convolutions of 3 x 3 without bias, each with scale and bias of its norm."""
    config.data.crop_px = 16
    config.model.update(width=8, width_max=12, blocks=2, code_dim=5)
    found = cost_meter.parameters(
        config, opening.make_method(config, SOURCE), len(SOURCE.channels)
    )

    def layer(taken, given):
        return 9 * taken * given + 2 * given

    encoder = layer(2, 8) + layer(8, 8) + layer(8, 12) + layer(12, 12)
    code = 4 * 4 * 12 * 5 + 5
    from_code = 5 * (4 * 4 * 12) + 4 * 4 * 12
    decoder = from_code + layer(12, 12) + layer(12, 8) + 9 * 8 * 2 + 2
    assert found["encoder_by_name"] == {
        "average/encoder": encoder,
        "average/to_code": code,
    }
    assert found["encoder"] == encoder + code
    net = encoder + code + decoder
    moments_and_count = 2 * net + 1
    assert found["state"] == 1 + net + moments_and_count + net
