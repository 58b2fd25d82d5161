"""TPUs that are not here: what the compiler for them says of a program (libtpu).

Its figures are estimates: nothing runs.
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

# Of what JAX shows as a device, a core up to v4 and a chip of v5 and later: memory in
# GiB, and the clock in MHz that turns the compiler's cycles into time. The clock is the
# published peak in bfloat16 over what the matrix units do in a cycle.
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
OUTSIDE = re.compile(r"jit\(|pmap|shard.map")  # of all modules
RAN_OUT = re.compile(
    r"Used ([\d.]+)([KMGT]) of ([\d.]+)([KMGT]) hbm"
    r"|temporaries \(([\d.]+)([KMGT])\) exceeds available HBM \(([\d.]+)([KMGT])\)"
)
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What the compiler says of one program, for one core.

    Attributes:
      flops: floating point operations.
      bytes_accessed: of the core's memory, read and written.
      argument_bytes: that the arguments take.
      temporary_bytes: that the program takes besides, at most at one time.
      total_bytes: of memory, with what is returned and takes no argument's place.
      milliseconds: the scheduled instructions' cycles over the clock.
      roofline_milliseconds: the least that its products and its memory take.
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
    """A program needs more memory than a core has.

    Attributes:
      used: bytes that it needs.
      limit: bytes that it may take.
    """

    def __init__(self, used: float, limit: float):
        super().__init__(f"needs {used / 2**30:.2f} GiB of {limit / 2**30:.2f} GiB")
        self.used, self.limit = used, limit


def devices(topology: str) -> list[Any]:
    """The devices of a topology, to compile for.

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
        found = topologies.get_topology_desc(platform="tpu", topology_name=topology)
    except Exception as error:  # of several types, by what libtpu does not like
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"config.plan.topology={topology!r} is no topology that libtpu knows "
            f"({reason}): name one such as {', '.join(TOPOLOGIES)}"
        ) from error
    kind = found.devices[0].device_kind
    if kind not in CHIPS:
        raise InputError(
            f"config.plan.topology={topology!r} is of {kind}, whose memory and clock "
            f"are unknown here: name one of {', '.join(CHIPS)}"
        )
    return list(found.devices)


def memory_bytes(device: Any) -> int:
    """The memory of a core."""
    return _chip(device)[0] * 2**30


def compile_for(lowered: jax.stages.Lowered, device: Any) -> Estimate:
    """Compiles a lowered program, and reads what the compiler says of it.

    Args:
      lowered: for devices of a topology.
      device: one of them.

    Raises:
      DoesNotFit: a core has too little memory.
      RunError: the program holds a loop, whose body the compiler counts once, however
        often it runs.
    """
    try:
        with compilation.cache_disabled():
            compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        found = RAN_OUT.search(str(error))
        if not found:
            raise
        used, u, limit, v = (group for group in found.groups() if group)
        raise DoesNotFit(float(used) * UNITS[u], float(limit) * UNITS[v]) from error
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
    """The instructions of a scheduled program that have a cost, costliest first.

    Args:
      text: as the compiler prints it.
      clock_mhz: of the chip.

    Returns:
      (milliseconds, module and operation that it computes, its own name).
    """
    found = []
    for line in text.splitlines():
        if match := INSTRUCTION.match(line):
            named = OP_NAME.search(line)
            module = _module(named[1]) if named else "-"
            found.append((int(match[2]) / clock_mhz / 1e3, module, match["name"]))
    return tuple(sorted(found, reverse=True))


def by_module(
    operations: Sequence[tuple[float, str, str]],
) -> list[tuple[float, str]]:
    """(milliseconds, module) summed over a module's operations, costliest first."""
    sums: collections.Counter[str] = collections.Counter()
    for milliseconds, module, _ in operations:
        sums[module] += milliseconds
    return [(milliseconds, module) for module, milliseconds in sums.most_common()]


def _module(op_name: str) -> str:
    """`jit(f)/transpose(jvp(Net))/Net.maps/b8/conv` to `Net gradient: b8/conv`."""
    words = [word for word in op_name.split("/") if not OUTSIDE.match(word)]
    if len(words) < 2:
        return f"other: {''.join(words)}"
    network = re.sub(r"\w+\(|\)", "", words[0])
    again = " gradient" * words[0].count("transpose(")
    inner = [word for word in words[1:] if not word.startswith(f"{network}.")]
    return f"{network}{again}: {'/'.join(inner)}"


def _chip(device: Any) -> tuple[int, int]:
    return CHIPS[device.device_kind]
