"""The only file that knows devices: one pmap over axis "batch".

Functions are written for one device and reduce with `lax.pmean` over "batch".
State goes in and comes out once, without a device axis; batches are split.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gandl_jax import compilation
from gandl_jax.errors import InputError

AXIS = "batch"


def devices(count: int) -> list[jax.Device]:
    """The first `count` local devices; 0 is all.

    Raises:
      InputError: more devices are asked for than there are.
    """
    local = jax.local_devices()
    if count > len(local):
        raise InputError(
            f"config.train.devices={count}, but this host has {len(local)}"
        )
    return local[: count or len(local)]


def check_batch(batch: int, count: int, group: int) -> None:
    """A batch must split evenly, and no deviation group may straddle two devices.

    Args:
      batch: images per step over all devices.
      count: number of devices, over all hosts.
      group: samples in one minibatch-deviation group.

    Raises:
      InputError: the batch does not divide.
    """
    if batch % (count * group):
        raise InputError(
            f"a batch of {batch} does not split over {count} devices in groups of "
            f"{group}: make it a multiple of {count * group}, or use fewer devices"
        )


def split(fn: Callable, chosen: list[jax.Device]) -> Callable:
    """Runs `fn(state, batch, key)` on every device's part of the batch.

    Args:
      fn: pure, for one device; what it returns is equal on every device (pmean).
      chosen: the devices.

    Returns:
      A function of (state, batch [B, ...], key) with the results of `fn`.
    """
    return split_all([fn], chosen)[0]


def split_all(fns: Sequence[Callable], chosen: list[jax.Device]) -> list[Callable]:
    """The same as `split` of each, compiled side by side when the first is called."""
    on_cpu = chosen[0].platform == "cpu"
    mapped = [
        jax.pmap(
            fn,
            axis_name=AXIS,
            in_axes=(None, 0, None),
            out_axes=None,
            devices=chosen,
            # The result takes the state's memory; on CPU a checkpoint in the making
            # may still be reading it.
            donate_argnums=() if on_cpu else (0,),
        )
        for fn in fns
    ]
    return [_on_parts(fn, chosen) for fn in _ahead(mapped, chosen)]


def map_batch(fn: Callable, chosen: list[jax.Device]) -> Callable:
    """Runs `fn(state, images) -> {name: [B, ...]}` on each device's part of a batch."""
    mapped = jax.pmap(fn, axis_name=AXIS, in_axes=(None, 0), devices=chosen)
    (compiled,) = _ahead([mapped], chosen)

    def run(state: Any, images: np.ndarray) -> Any:
        out = compiled(state, _fold(images, len(chosen)))
        return jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), out)

    return run


def on_one(fn: Callable) -> Callable:
    """`fn`, compiled for one device like the others, when it is called."""
    options = compilation.understood(_options(jax.local_devices()))
    return jax.jit(fn, compiler_options=options)


def _ahead(mapped: Sequence[Callable], chosen: list[jax.Device]) -> list[Callable]:
    return compilation.ahead(mapped, _options(chosen))


def _options(chosen: list[jax.Device]) -> dict[str, Any]:
    return compilation.CPU_OPTIONS if chosen[0].platform == "cpu" else {}


def _on_parts(compiled: Callable, chosen: list[jax.Device]) -> Callable:
    waits = chosen[0].platform == "cpu" and len(chosen) > 1

    def run(state: Any, batch: Any, key: jax.Array) -> Any:
        out = compiled(state, _fold(batch, len(chosen)), key)
        if waits:
            # Virtual devices share the cores: XLA aborts a collective whose
            # participants do not all arrive within 40 s.
            jax.block_until_ready(out)
        return out

    return run


def _fold(batch: Any, count: int) -> Any:
    return jax.tree.map(lambda x: x.reshape(count, -1, *x.shape[1:]), batch)


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


def describe(chosen: list[jax.Device]) -> str:
    """What runs this, in words: "1 x cpu (2 cores)"."""
    kind = chosen[0].device_kind
    cores = f" ({os.cpu_count()} cores)" if chosen[0].platform == "cpu" else ""
    return f"{len(chosen)} x {kind}{cores}"
