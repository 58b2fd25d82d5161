"""The TPU's compiler against what is known of the chip, and its errors."""

import importlib.util

import jax
import jax.numpy as jnp
import pytest

from gandl_jax import tpu
from gandl_jax.errors import InputError, RunError

needs_libtpu = pytest.mark.skipif(
    not importlib.util.find_spec("libtpu"), reason="libtpu is not installed"
)
SCHEDULED = """
  %fusion.1 = bf16[8] fusion(%a), metadata={op_name="jit(f)/transpose(jvp(D))/D.maps/b8/conv"}, backend_config={"estimated_cycles":"1880000"}
  %copy.2 = bf16[8] copy(%fusion.1), backend_config={"estimated_cycles":"94"}
  ROOT %add.3 = bf16[8] fusion(%a), metadata={op_name="jit(f)/add"}, backend_config={"estimated_cycles":"2820000"}
  %bitcast.4 = bf16[8] bitcast(%a)
"""  # noqa: E501


def test_instructions_costliest_first_with_their_module():
    assert tpu.costliest(SCHEDULED, 940) == (
        (pytest.approx(3.0), "other: add", "add.3"),
        (pytest.approx(2.0), "D gradient: b8/conv", "fusion.1"),
        (pytest.approx(1e-4), "-", "copy.2"),
    )


def test_modules_sum_their_instructions():
    operations = [(3.0, "D: a", "x"), (2.0, "D: b", "y"), (2.0, "D: b", "z")]
    assert tpu.by_module(operations) == [(4.0, "D: b"), (3.0, "D: a")]


def test_without_libtpu_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install -c .*constraints.txt libtpu"):
        tpu.devices("v3:2x2")


@pytest.fixture(scope="module")
def core():
    return tpu.devices("v3:2x2")[0]


def lowered(fn, core, *shapes):
    here = jax.sharding.SingleDeviceSharding(core)
    arguments = [jax.ShapeDtypeStruct(*shape, sharding=here) for shape in shapes]
    return jax.jit(fn).lower(*arguments)


@needs_libtpu
@pytest.mark.tpu_compile
class TestCompiler:
    def test_a_large_product_takes_its_operations_over_the_published_peak(self, core):
        size = 8192
        square = (size, size), jnp.bfloat16
        found = tpu.compile_for(lowered(jnp.matmul, core, square, square), core)
        operations, peak = 2 * size**3, 123e12 / 2  # a chip has two cores
        assert found.flops == operations
        assert found.milliseconds == pytest.approx(operations / peak * 1e3, rel=0.1)
        assert found.roofline_milliseconds == pytest.approx(
            operations / peak * 1e3, rel=0.01
        )
        assert found.argument_bytes == 2 * 2 * size**2
        assert found.total_bytes == 3 * 2 * size**2 + found.temporary_bytes

    def test_what_does_not_fit_is_told(self, core):
        def two_sorts(x):
            return jnp.sort(x, 0) + jnp.sort(x, 1)

        with pytest.raises(
            tpu.DoesNotFit, match=r"needs .* GiB of 15\.\d+ GiB"
        ) as told:
            tpu.compile_for(
                lowered(two_sorts, core, ((2**17, 2**14), jnp.float32)), core
            )
        assert told.value.used > told.value.limit > 15 * 2**30

    def test_a_loop_is_refused(self, core):
        def often(x):
            return jax.lax.fori_loop(0, 5, lambda _, x: jnp.sin(x) @ x, x)

        with pytest.raises(RunError, match="counts once however often it runs"):
            tpu.compile_for(lowered(often, core, ((256, 256), jnp.float32)), core)

    @pytest.mark.parametrize("name", ["v3:3x3", "v7:2x2"])
    def test_unknown_topologies_are_told(self, name):
        with pytest.raises(InputError, match=f"plan.topology='{name}' is no topology"):
            tpu.devices(name)

    @pytest.mark.parametrize("name", tpu.TOPOLOGIES)
    def test_the_named_topologies_are_known_with_their_chips(self, name):
        assert tpu.memory_bytes(tpu.devices(name)[0]) >= 8 * 2**30
