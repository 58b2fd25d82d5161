"""Table of what each arm's training cost."""

from collections.abc import Iterable, Mapping

from gandl_jax.jobs.compare.arm_costs import Cost, memory_bytes
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html
from gandl_jax.progress import duration

HEADER = (
    "Method", "Training", "Steps", "Seconds a step", "Images", "Memory, GiB",
    "GFLOP a step", "Parameters", "Width",
)  # fmt: skip


def table(arms: Iterable[str], cost: Mapping[str, Cost]) -> Html:
    """Makes a line for each arm that was trained, under what the columns are.

    Args:
      arms: in the order of the lines.
      cost: arm to its costs.
    """
    of_arm = {arm: cost[arm] for arm in arms if cost.get(arm)}
    places = sorted({_place(arm_cost) for arm_cost in of_arm.values()})
    sentence = (
        f"Means over seeds; memory is the peak of {' or '.join(places)}; parameters "
        "are the encoder's, the width that of its features."
    )
    lines = [_line(arm, arm_cost) for arm, arm_cost in of_arm.items()]
    return page.join((page.tag("p", sentence), page.table(HEADER, lines, "costs")))


def _line(arm: str, cost: Cost) -> list[str]:
    memory = memory_bytes(cost)
    return [
        arm,
        duration(cost["seconds"]),
        page.number(cost["steps"], ",.0f"),
        page.number(cost["step_seconds"], ".3g"),
        page.number(cost["images"], ",.0f"),
        page.number(memory / 2**30 if memory else None, ".1f"),
        page.number((cost["flops_per_step"] or float("nan")) / 1e9, ",.2f"),
        page.number(cost["parameters"], ",.0f"),
        page.number(cost["width"], ",.0f"),
    ]


def _place(cost: Cost) -> str:
    return "a device" if cost["peak_device_bytes"] else "the program on its host"
