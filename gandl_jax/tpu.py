"""Estimates for TPUs that are not here, by their compiler (libtpu).

Nothing runs.
"""

import collections
import dataclasses
import importlib.util
import re
from collections.abc import Sequence
from typing import Any

import jax
from jax.experimental import topologies

from gandl_jax import compilation, hosts
from gandl_jax.errors import InputError, RunError

# Per JAX device, a core up to v4 and a chip of v5 and later: memory in GiB, and the
# clock in MHz that converts the compiler's cycles to time. The clock is the published
# peak in bfloat16 divided by the operations of the matrix units in a cycle.
CHIPS = {
    "TPU v2": (8, 700),
    "TPU v3": (16, 940),
    "TPU v4": (16, 1050),
    "TPU v5 lite": (16, 1500),
    "TPU v5": (95, 1750),
    "TPU v6 lite": (32, 1750),
}
TOPOLOGIES = ("v2:2x2", "v3:2x2", "v4:2x2x1", "v5e:2x4", "v5p:2x2x1", "v6e:2x4")
INSTRUCTION = re.compile(
    r'^\s*(?:ROOT )?%(?P<name>[\w.-]+) = .*"estimated_cycles":"(\d+)"'
)
TOPOLOGY = re.compile(r"v\w+:\d+(x\d+)*")
OP_NAME = re.compile(r'op_name="([^"]*)"')
OUTSIDE = re.compile(r"jit\(|pmap|shard.map")  # parts of names outside all modules
RAN_OUT = re.compile(
    r"Used ([\d.]+)([KMGT]) of ([\d.]+)([KMGT]) hbm"
    r"|temporaries \(([\d.]+)([KMGT])\) exceeds available HBM \(([\d.]+)([KMGT])\)"
)
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The compiler's estimate of a program, for one core.

    Attributes:
      flops: floating point operations.
      bytes_accessed: of the core's memory, read and written.
      argument_bytes: that the arguments take.
      temporary_bytes: most that the program takes besides, at a time.
      total_bytes: of memory, with results that do not reuse arguments.
      milliseconds: cycles of the scheduled instructions divided by the clock.
      roofline_milliseconds: lower bound by its products and its memory.
      operations: (milliseconds, module and operation, instruction), costliest first.
    """

    flops: float
    bytes_accessed: float
    argument_bytes: int
    temporary_bytes: int
    total_bytes: int
    milliseconds: float
    roofline_milliseconds: float
    operations: tuple[tuple[float, str, str], ...]


class DoesNotFit(Exception):
    """A program that needs more memory than a core has.

    Attributes:
      used: bytes that it needs.
      limit: bytes that it may take.
    """

    def __init__(self, used: float, limit: float):
        super().__init__(f"needs {used / 2**30:.2f} GiB of {limit / 2**30:.2f} GiB")
        self.used, self.limit = used, limit


def devices(topology: str) -> list[Any]:
    """Returns the devices of a topology, to compile for.

    Args:
      topology: generation and shape, such as "v3:2x2".

    Raises:
      InputError: libtpu is not installed, or knows no such topology.
    """
    if not importlib.util.find_spec("libtpu"):
        raise InputError(
            "planning for a TPU needs its compiler, which is for Linux on x86-64: "
            "pip install -c launch/constraints.txt libtpu"
        )
    hosts.tell_libtpu()
    if not TOPOLOGY.fullmatch(topology):
        raise InputError(
            f"config.plan.topology={topology!r} should be a generation and a shape, "
            f"such as {', '.join(TOPOLOGIES)}"
        )
    try:
        description = topologies.get_topology_desc(
            platform="tpu", topology_name=topology
        )
    except Exception as error:  # libtpu raises several types
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"config.plan.topology={topology!r} is no topology that libtpu knows "
            f"({reason}): name one such as {', '.join(TOPOLOGIES)}"
        ) from error
    device_kind = description.devices[0].device_kind
    if device_kind not in CHIPS:
        raise InputError(
            f"config.plan.topology={topology!r} is of {device_kind}, whose memory and "
            f"clock are unknown here: name one of {', '.join(CHIPS)}"
        )
    return list(description.devices)


def memory_bytes(device: Any) -> int:
    """Returns the memory of a core in bytes."""
    return _chip(device)[0] * 2**30


def compile_for(lowered: jax.stages.Lowered, device: Any) -> Estimate:
    """Compiles a lowered program, and reads the compiler's estimates.

    Args:
      lowered: program for devices of a topology.
      device: one of those devices.

    Raises:
      DoesNotFit: a core has too little memory.
      RunError: the program holds a loop, whose body the compiler counts only once.
    """
    try:
        with compilation.cache_disabled():
            compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        match = RAN_OUT.search(str(error))
        if not match:
            raise
        used, used_unit, limit, limit_unit = (
            group for group in match.groups() if group
        )
        raise DoesNotFit(
            float(used) * UNITS[used_unit], float(limit) * UNITS[limit_unit]
        ) from error
    text = compiled.as_text()
    if " while(" in text:
        raise RunError(
            "the program holds a loop, whose body the compiler counts once however "
            "often it runs: plan what is inside the loop, and multiply"
        )
    memory, costs = compiled.memory_analysis(), compiled.cost_analysis()
    operations = costliest(text, _chip(device)[1])
    return Estimate(
        flops=costs.get("flops", 0.0),
        bytes_accessed=costs.get("bytes accessed", 0.0),
        argument_bytes=memory.argument_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        total_bytes=memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        + memory.temp_size_in_bytes
        - memory.alias_size_in_bytes,
        milliseconds=sum(ms for ms, *_ in operations),
        roofline_milliseconds=1e3 * costs.get("optimal_seconds", 0.0),
        operations=operations,
    )


def costliest(text: str, clock_mhz: float) -> tuple[tuple[float, str, str], ...]:
    """Lists the instructions of a scheduled program by cost, costliest first.

    Args:
      text: as the compiler prints it.
      clock_mhz: of the chip.

    Returns:
      (milliseconds, module and operation, name of the instruction) of each.
    """
    instructions = []
    for line in text.splitlines():
        if match := INSTRUCTION.match(line):
            op_name = OP_NAME.search(line)
            module = _module(op_name[1]) if op_name else "-"
            instructions.append(
                (int(match[2]) / clock_mhz / 1e3, module, match["name"])
            )
    return tuple(sorted(instructions, reverse=True))


def by_module(
    operations: Sequence[tuple[float, str, str]],
) -> list[tuple[float, str]]:
    """Sums milliseconds over each module: (milliseconds, module), costliest first."""
    sums: collections.Counter[str] = collections.Counter()
    for milliseconds, module, _ in operations:
        sums[module] += milliseconds
    return [(milliseconds, module) for module, milliseconds in sums.most_common()]


def _module(op_name: str) -> str:
    """Shortens `jit(f)/transpose(jvp(Net))/Net.maps/b8/c`: `Net gradient: b8/c`."""
    parts = [part for part in op_name.split("/") if not OUTSIDE.match(part)]
    if len(parts) < 2:
        return f"other: {''.join(parts)}"
    network = re.sub(r"\w+\(|\)", "", parts[0])
    suffix = " gradient" * parts[0].count("transpose(")
    inner = [part for part in parts[1:] if not part.startswith(f"{network}.")]
    return f"{network}{suffix}: {'/'.join(inner)}"


def _chip(device: Any) -> tuple[int, int]:
    return CHIPS[device.device_kind]
