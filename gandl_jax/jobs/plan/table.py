"""Table of a plan's figures, to read."""

from typing import Any

GIB = 2**30


def text(figures: dict[str, Any]) -> str:
    """Writes the table, and the operations that take the most time.

    Args:
      figures: of plan.json.
    """
    limit = figures["memory_bytes_per_core"] / GIB
    rows = [
        ("phase", "every", "GFLOP", "GB moved", f"GiB of {limit:.0f}", "ms", "roofline")
    ]
    for name, phase in figures["phases"].items():
        rows.append(
            (
                name,
                str(phase["every_steps"]),
                f"{phase['flops'] / 1e9:,.0f}",
                f"{phase['bytes_accessed'] / 1e9:.2f}",
                f"{phase['total_bytes'] / GIB:.2f}",
                f"{phase['milliseconds']:.1f}",
                f"{phase['roofline_milliseconds']:.1f}",
            )
        )
    return "\n".join([*_head(figures), "", *_aligned(rows), "", *_feet(figures)]) + "\n"


def _head(figures: dict[str, Any]) -> list[str]:
    microbatches = figures["microbatches"]
    in_parts = f" in {microbatches} parts" if microbatches > 1 else ""
    return [
        f"{figures['cores']} x {figures['device']}, {figures['batch']} images a step, "
        f"{figures['batch_per_core'] * microbatches} a core{in_parts}",
        f"({figures['note']}; per phase and core{', of one part' if in_parts else ''})",
    ]


def _feet(figures: dict[str, Any]) -> list[str]:
    step = figures["step"]
    lines = [
        f"a step takes {step['milliseconds']:.1f} ms (roofline "
        f"{step['roofline_milliseconds']:.1f}), an image "
        f"{1e3 / step['images_per_second']:.2f} ms: {step['images_per_second']:.1f} "
        f"images/s, {step['images_per_day']:,.0f} a day",
        f"{figures['total_images']:,} images take {step['hours_in_all']:.1f} h",
    ]
    if most := figures.get("largest_batch_per_core"):
        parts = " in one part" if figures["microbatches"] > 1 else ""
        all_fit = all(phase["fits"] for phase in figures["trials"])
        more = " or more (no more was tried)" if all_fit else ""
        lines.append(f"the largest batch that fits: {most} images a core{parts}{more}")
        lines += [f"  {_trial(phase)}" for phase in figures["trials"]]
    for name, phase in figures["phases"].items():
        lines += ["", f"{name}, costliest operations (ms)"]
        lines += [
            f"  {ms:7.2f}  {operation}  ({module})"
            for ms, operation, module in phase["costliest"]
        ]
    return lines


def _trial(trial: dict[str, Any]) -> str:
    verdict = "fits" if trial["fits"] else "does not fit"
    needs = f"{trial['total_bytes'] / GIB:.2f} GiB"
    return f"{trial['phase']}, {trial['batch_per_core']} a core: {needs}, {verdict}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [
                cell.rjust(width)
                for cell, width in zip(row[1:], widths[1:], strict=True)
            ]
        )
        for row in rows
    ]
