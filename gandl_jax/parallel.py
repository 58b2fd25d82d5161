"""The only file that knows devices: one pmap over axis "batch".

Functions are written for one device and reduce with `lax.pmean` over "batch".
State goes in and comes out once, without a device axis; batches are split. With several
hosts the axis spans all of their devices, and each host gives its part of the batch.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from gandl_jax import compilation, hosts
from gandl_jax.errors import InputError, RunError

AXIS = "batch"
WHOLE, PARTS = jax.sharding.PartitionSpec(), jax.sharding.PartitionSpec(AXIS)


def devices(count: int) -> list[jax.Device]:
    """The first `count` local devices; 0 is all.

    Raises:
      InputError: more devices are asked for than there are, or some of several hosts'.
      RunError: the devices are of several hosts, which have not met.
    """
    if jax.process_count() != hosts.count_met():
        raise RunError(
            f"JAX counts {jax.process_count()} hosts, but {hosts.count_met()} met: set "
            f"{', '.join(hosts.VARIABLES)} on each (docs/many_hosts.md)"
        )
    if count and hosts.count() > 1:
        raise InputError(
            f"config.train.devices={count} is for one host, and of {hosts.count()} all "
            "devices take part: set --config.train.devices=0"
        )
    local = jax.local_devices()
    if count > len(local):
        raise InputError(
            f"config.train.devices={count}, but this host has {len(local)}"
        )
    return local[: count or len(local)]


def of_all_hosts(local: list[jax.Device]) -> list[jax.Device]:
    """The devices of all hosts, one host's after another's.

    Args:
      local: this host's, all of which there are, unless it is the only host.

    Raises:
      InputError: the hosts have not the same number of devices.
    """
    if hosts.count() == 1:
        return local
    found = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    if len(found) != len(local) * hosts.count():
        raise InputError(
            f"host {hosts.index()} has {len(local)} devices, all {hosts.count()} hosts "
            f"have {len(found)}: train on hosts that have the same number"
        )
    return found


def check_batch(batch: int, count: int, group: int, parts: int = 1) -> None:
    """A batch must split evenly, and no group may straddle two devices.

    Args:
      batch: images per step over all devices.
      count: number of devices, over all hosts.
      group: samples that must stay together: the method's `unit`.
      parts: of each device's batch, one after the other.

    Raises:
      InputError: the batch does not divide.
    """
    if batch % (count * parts * group):
        each = f", {parts} parts each (config.train.accumulate)," if parts > 1 else ""
        raise InputError(
            f"a batch of {batch} does not split over {count} devices{each} in groups "
            f"of {group}: make it a multiple of {count * parts * group}, or use fewer "
            "devices" + " or parts" * (parts > 1)
        )


def split(fn: Callable, chosen: list[jax.Device]) -> Callable:
    """Runs `fn(state, batch, key)` on every device's part of the batch.

    Args:
      fn: pure, for one device; what it returns is equal on every device (pmean).
      chosen: the devices, of every host the same number.

    Returns:
      A function of (state, batch [B / hosts, ...], key) with the results of `fn`.
    """
    return split_all([fn], chosen)[0]


def split_all(
    fns: Sequence[Callable],
    chosen: list[jax.Device],
    after: Callable[[Sequence[jax.stages.Lowered]], None] = lambda lowered: None,
) -> list[Callable]:
    """The same as `split` of each, compiled side by side when the first is called.

    Args:
      fns: as for `split`.
      chosen: as for `split`.
      after: called with what was compiled, before it runs.
    """
    mapped = [_mapped(fn, chosen) for fn in fns]

    def meet(lowered: Sequence[jax.stages.Lowered]) -> None:
        after(lowered)
        # The first collective waits but 30 s for a host that is still compiling.
        hosts.meet()

    compiled = compilation.compile_together(mapped, _options(chosen), after=meet)
    return [_on_parts(fn, chosen) for fn in compiled]


def lower(
    fn: Callable, chosen: list[Any], state: Any, batch: Any, key: Any
) -> jax.stages.Lowered:
    """What `split` compiles, for devices that need not be here.

    Args:
      fn: as for `split`.
      chosen: devices, of a topology for instance.
      state: shapes of arrays.
      batch: shapes [B, ...] of the whole batch.
      key: the shape of one.
    """
    folded = jax.eval_shape(lambda x: _fold(x, len(chosen)), batch)
    return _mapped(fn, chosen).lower(state, folded, key)


def _mapped(fn: Callable, chosen: list[Any]) -> Callable:
    on_cpu = chosen[0].platform == "cpu"
    return jax.pmap(
        fn,
        axis_name=AXIS,
        in_axes=(None, 0, None),
        out_axes=None,
        devices=chosen,
        # The result takes the state's memory; on CPU a checkpoint in the making may
        # still be reading it.
        donate_argnums=() if on_cpu else (0,),
    )


def map_batch(fn: Callable, chosen: list[jax.Device]) -> Callable:
    """Runs `fn(state, images) -> {name: [B, ...]}` on each device's part of a batch."""
    mapped = jax.pmap(fn, axis_name=AXIS, in_axes=(None, 0), devices=chosen)
    (compiled,) = compilation.compile_together([mapped], _options(chosen))

    def run(state: Any, images: np.ndarray) -> Any:
        out = compiled(state, _fold(images, len(chosen)))
        return jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), out)

    return run


def on_one(fn: Callable) -> Callable:
    """`fn`, compiled for one device like the others, when it is called."""
    options = compilation.known_options(_options(jax.local_devices()))
    compiled = jax.jit(fn, compiler_options=options)
    return lambda *args: compiled(*jax.tree.map(_own_copy, args))


def _options(chosen: list[jax.Device]) -> dict[str, Any]:
    return compilation.CPU_OPTIONS if chosen[0].platform == "cpu" else {}


def _on_parts(compiled: Callable, chosen: list[jax.Device]) -> Callable:
    waits = chosen[0].platform == "cpu" and len(chosen) > 1
    own = sum(device.process_index == jax.process_index() for device in chosen)

    def run(state: Any, batch: Any, key: jax.Array) -> Any:
        args = state, _fold(batch, own), key
        if own < len(chosen):
            args = _over_hosts(args, chosen, (WHOLE, PARTS, WHOLE))
        out = compiled(*args)
        if waits:
            # Virtual devices share the cores: XLA aborts a collective whose
            # participants do not all arrive within 40 s.
            jax.block_until_ready(out)
        return out

    return run


def _fold(batch: Any, count: int) -> Any:
    return jax.tree.map(lambda x: x.reshape(count, -1, *x.shape[1:]), batch)


def _own_copy(x: Any) -> Any:
    """This host's copy of an array that is the same on the devices of all hosts."""
    return x if getattr(x, "is_fully_addressable", True) else x.addressable_data(0)


def over_hosts(arrays: Any) -> Any:
    """Says of arrays that all hosts have alike that they are, as Orbax wants to know.

    Args:
      arrays: a tree of them; those that are of all hosts' devices stay as they are.
    """
    if hosts.count() == 1:
        return arrays
    return _over_hosts(arrays, of_all_hosts(jax.local_devices()), WHOLE)


def _over_hosts(arrays: Any, chosen: list[jax.Device], spread: Any) -> Any:
    """Arrays over the devices of all hosts, from what each host has of them."""
    mesh = jax.sharding.Mesh(chosen, (AXIS,))
    return multihost_utils.host_local_array_to_global_array(arrays, mesh, spread)


def on_one_device(shapes: Any) -> Any:
    """Says of shapes that their arrays belong on the first local device.

    What is restored so does not depend on the devices that it was saved from.
    """
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), shapes
    )


def compute_dtype(name: str) -> jnp.dtype:
    """`auto` is bfloat16 where the hardware multiplies it fast, else float32."""
    if name == "auto":
        name = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    return jnp.dtype(name)


def count_flops(fn: Callable, state: Any, batch: Any, *others: Any) -> float | None:
    """Floating-point operations of one call, as XLA counts them.

    They are what the function asks for, before XLA rewrites it: a product and a sum
    are two, what is padding is none. The body of a loop is counted once.

    Args:
      fn: as for `split` or `map_batch`, taken to run on one device.
      state: of arrays or their shapes.
      batch: [B, ...] the whole batch, or its shapes.
      *others: the key, for `split`.

    Returns:
      The number; None where JAX has no CPU beside the devices, which counts.
    """
    try:
        cpu = jax.local_devices(backend="cpu")[:1]
    except RuntimeError:  # JAX_PLATFORMS leaves it out
        return None
    # A pmap of one device asks for arrays, not shapes, where there are several hosts.
    mapped = jax.shard_map(
        fn,
        mesh=jax.sharding.Mesh(cpu, (AXIS,)),
        in_specs=(WHOLE, PARTS, *(WHOLE for _ in others)),
        out_specs=WHOLE,
        check_vma=False,
    )
    shapes = jax.eval_shape(lambda *x: x, state, batch, *others)
    return flops(jax.jit(mapped).lower(*shapes))


def flops(lowered: jax.stages.Lowered) -> float | None:
    """As of `count_flops`, of what was lowered for one CPU device."""
    return (lowered.cost_analysis() or {}).get("flops")


def used(fn: Callable, state: Any, images: Any) -> list[bool]:
    """Which arrays of a state a function takes anything from.

    Args:
      fn: as for `map_batch`.
      state: of arrays or their shapes.
      images: [B, ...] or their shapes.

    Returns:
      One for each leaf of the state, in order.
    """
    mapped = jax.vmap(fn, in_axes=(None, 0), axis_name=AXIS)
    folded = jax.eval_shape(lambda x: _fold(x, 1), images)
    jaxpr = jax.make_jaxpr(mapped)(state, folded).jaxpr
    taken = {id(x) for equation in jaxpr.eqns for x in equation.invars}
    return [id(x) in taken for x in jaxpr.invars[: len(jax.tree.leaves(state))]]


def is_one_cpu(chosen: list[jax.Device]) -> bool:
    """Whether these devices are one CPU, for which `flops` counts."""
    return len(chosen) == 1 and chosen[0].platform == "cpu"


def peak_bytes(chosen: list[jax.Device]) -> int | None:
    """The most memory that one of the devices has held; None where none tells."""
    told = [device.memory_stats() or {} for device in chosen]
    return max((t["peak_bytes_in_use"] for t in told if t), default=None)


def platform(name: str) -> str:
    """`auto` is what computes here: "cpu", "gpu" or "tpu"."""
    return jax.default_backend() if name == "auto" else name


def describe(chosen: list[jax.Device]) -> str:
    """What runs this, in words: "1 x cpu (2 cores)", "32 x TPU v3 on 4 hosts"."""
    kind = chosen[0].device_kind
    cores = f" ({os.cpu_count()} cores)" if chosen[0].platform == "cpu" else ""
    places = len({device.process_index for device in chosen})
    spread = f" on {places} hosts" if places > 1 else ""
    return f"{len(chosen)} x {kind}{cores}{spread}"
