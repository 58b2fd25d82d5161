"""The only file that handles devices: one pmap over axis "batch".

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
    """Returns the first `count` local devices; 0 is all.

    Raises:
      InputError: there are fewer devices, or a count is given for several hosts.
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


def all_host_devices(local: list[jax.Device]) -> list[jax.Device]:
    """Returns the devices of all hosts, host by host.

    Args:
      local: this host's; all of them, unless it is the only host.

    Raises:
      InputError: the hosts have different numbers of devices.
    """
    if hosts.count() == 1:
        return local
    all_devices = sorted(
        jax.devices(), key=lambda device: (device.process_index, device.id)
    )
    if len(all_devices) != len(local) * hosts.count():
        raise InputError(
            f"host {hosts.index()} has {len(local)} devices, all {hosts.count()} hosts "
            f"have {len(all_devices)}: train on hosts that have the same number"
        )
    return all_devices


def check_batch(batch: int, count: int, group: int, parts: int = 1) -> None:
    """Refuses a batch that does not split evenly, or whose groups straddle devices.

    Args:
      batch: images per step over all devices.
      count: number of devices, over all hosts.
      group: samples that must stay together: the method's `unit`.
      parts: number of micro-batches of each device.

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
      chosen: the devices, equally many of every host.

    Returns:
      A function of (state, batch [B / hosts, ...], key) with the results of `fn`.
    """
    return split_all([fn], chosen)[0]


def split_all(
    fns: Sequence[Callable],
    chosen: list[jax.Device],
    after: Callable[[Sequence[jax.stages.Lowered]], None] = lambda lowered: None,
) -> list[Callable]:
    """Splits functions as `split` does, compiled together at the first call of any.

    Args:
      fns: as for `split`.
      chosen: as for `split`.
      after: called with the lowered functions, once compiled and before they run.
    """
    mapped = [_mapped(fn, chosen) for fn in fns]

    def meet(lowered: Sequence[jax.stages.Lowered]) -> None:
        after(lowered)
        # The first collective waits only 30 s for a host that is still compiling.
        hosts.meet()

    compiled = compilation.compile_together(mapped, _options(chosen), after=meet)
    return [_on_parts(fn, chosen) for fn in compiled]


def lower(
    fn: Callable, chosen: list[Any], state: Any, batch: Any, key: Any
) -> jax.stages.Lowered:
    """Lowers a function as `split` does, for devices that need not be here.

    Args:
      fn: as for `split`.
      chosen: devices, for example of a topology.
      state: shapes of arrays.
      batch: shapes [B, ...] of the whole batch.
      key: shape of a key.
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
        # The result takes the state's memory, which on CPU an unfinished checkpoint may
        # still be reading.
        donate_argnums=() if on_cpu else (0,),
    )


def map_batch(fn: Callable, chosen: list[jax.Device]) -> Callable:
    """Runs `fn(state, images) -> {name: [B, ...]}` on each device's part of a batch."""
    mapped = jax.pmap(fn, axis_name=AXIS, in_axes=(None, 0), devices=chosen)
    (compiled,) = compilation.compile_together([mapped], _options(chosen))

    def run(state: Any, images: np.ndarray) -> Any:
        out = compiled(state, _fold(images, len(chosen)))
        return jax.tree.map(
            lambda array: np.asarray(array).reshape(-1, *array.shape[2:]), out
        )

    return run


def on_one(fn: Callable) -> Callable:
    """Compiles `fn` for one device, at its first call, with the usual options."""
    options = compilation.known_options(_options(jax.local_devices()))
    compiled = jax.jit(fn, compiler_options=options)
    return lambda *args: compiled(*jax.tree.map(_own_copy, args))


def _options(chosen: list[jax.Device]) -> dict[str, Any]:
    return compilation.CPU_OPTIONS if chosen[0].platform == "cpu" else {}


def _on_parts(compiled: Callable, chosen: list[jax.Device]) -> Callable:
    waits = chosen[0].platform == "cpu" and len(chosen) > 1
    local_count = sum(device.process_index == jax.process_index() for device in chosen)

    def run(state: Any, batch: Any, key: jax.Array) -> Any:
        args = state, _fold(batch, local_count), key
        if local_count < len(chosen):
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
    """Returns this host's copy of an array that is equal on all hosts."""
    return x if getattr(x, "is_fully_addressable", True) else x.addressable_data(0)


def over_hosts(arrays: Any) -> Any:
    """Marks arrays that are equal on all hosts as replicated, for Orbax.

    Args:
      arrays: tree of arrays; those on all hosts' devices are unchanged.
    """
    if hosts.count() == 1:
        return arrays
    return _over_hosts(arrays, all_host_devices(jax.local_devices()), WHOLE)


def _over_hosts(arrays: Any, chosen: list[jax.Device], spread: Any) -> Any:
    """Makes arrays over the devices of all hosts, from each host's part."""
    mesh = jax.sharding.Mesh(chosen, (AXIS,))
    return multihost_utils.host_local_array_to_global_array(arrays, mesh, spread)


def on_one_device(shapes: Any) -> Any:
    """Places the arrays of shapes on the first local device.

    Restoring to them does not depend on the devices of the saving run.
    """
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding),
        shapes,
    )


def compute_dtype(name: str) -> jnp.dtype:
    """Resolves a dtype: `auto` is float32 on a CPU, else bfloat16."""
    if name == "auto":
        name = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    return jnp.dtype(name)


def count_flops(fn: Callable, state: Any, batch: Any, *others: Any) -> float | None:
    """Counts the floating-point operations of a call, as XLA does.

    They are counted before XLA rewrites the function: a product and a sum are two,
    padding is none. The body of a loop is counted once.

    Args:
      fn: as for `split` or `map_batch`, for one device.
      state: of arrays or their shapes.
      batch: [B, ...] the whole batch, or its shapes.
      *others: the key, for `split`.

    Returns:
      The number; None if JAX has no CPU beside the devices to count on.
    """
    try:
        cpu = jax.local_devices(backend="cpu")[:1]
    except RuntimeError:  # JAX_PLATFORMS leaves it out
        return None
    # A pmap of one device takes arrays, not shapes, if there are several hosts.
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
    """Counts operations as `count_flops`, of a function lowered for one CPU."""
    return (lowered.cost_analysis() or {}).get("flops")


def used(fn: Callable, state: Any, images: Any) -> list[bool]:
    """Tells which arrays of a state a function uses.

    Args:
      fn: as for `map_batch`.
      state: of arrays or their shapes.
      images: [B, ...] or their shapes.

    Returns:
      A bool for each leaf of the state, in order.
    """
    mapped = jax.vmap(fn, in_axes=(None, 0), axis_name=AXIS)
    folded = jax.eval_shape(lambda variable: _fold(variable, 1), images)
    jaxpr = jax.make_jaxpr(mapped)(state, folded).jaxpr
    used_ids = {id(variable) for equation in jaxpr.eqns for variable in equation.invars}
    return [
        id(variable) in used_ids
        for variable in jaxpr.invars[: len(jax.tree.leaves(state))]
    ]


def is_one_cpu(chosen: list[jax.Device]) -> bool:
    """Whether these devices are one CPU, for which `flops` counts."""
    return len(chosen) == 1 and chosen[0].platform == "cpu"


def peak_bytes(chosen: list[jax.Device]) -> int | None:
    """Returns the peak memory of a device, the highest; None if none reports it."""
    stats = [device.memory_stats() or {} for device in chosen]
    return max(
        (device_stats["peak_bytes_in_use"] for device_stats in stats if device_stats),
        default=None,
    )


def platform(name: str) -> str:
    """Resolves a platform: `auto` is the present "cpu", "gpu" or "tpu"."""
    return jax.default_backend() if name == "auto" else name


def describe(chosen: list[jax.Device]) -> str:
    """Describes devices: "1 x cpu (2 cores)", "32 x TPU v3 on 4 hosts"."""
    device_kind = chosen[0].device_kind
    cores = f" ({os.cpu_count()} cores)" if chosen[0].platform == "cpu" else ""
    host_count = len({device.process_index for device in chosen})
    spread = f" on {host_count} hosts" if host_count > 1 else ""
    return f"{len(chosen)} x {device_kind}{cores}{spread}"
