"""A plan's figures as a table to read."""

from typing import Any

GIB = 2**30


def text(figures: dict[str, Any]) -> str:
    """The table, and what makes the time.

    Args:
      figures: as in plan.json.
    """
    limit = figures["memory_bytes_per_core"] / GIB
    rows = [
        ("phase", "every", "GFLOP", "GB moved", f"GiB of {limit:.0f}", "ms", "roofline")
    ]
    for name, one in figures["phases"].items():
        rows.append(
            (
                name,
                str(one["every_steps"]),
                f"{one['flops'] / 1e9:,.0f}",
                f"{one['bytes_accessed'] / 1e9:.2f}",
                f"{one['total_bytes'] / GIB:.2f}",
                f"{one['milliseconds']:.1f}",
                f"{one['roofline_milliseconds']:.1f}",
            )
        )
    return "\n".join([*_head(figures), "", *_aligned(rows), "", *_feet(figures)]) + "\n"


def _head(figures: dict[str, Any]) -> list[str]:
    many = figures["microbatches"]
    parts = f" in {many} parts" if many > 1 else ""
    return [
        f"{figures['cores']} x {figures['device']}, {figures['batch']} images a step, "
        f"{figures['batch_per_core'] * many} a core{parts}",
        f"({figures['note']}; per phase and core{', of one part' if parts else ''})",
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
        found = all(one["fits"] for one in figures["trials"])
        more = " or more (no more was tried)" if found else ""
        lines.append(f"the largest batch that fits: {most} images a core{parts}{more}")
        lines += [f"  {_trial(one)}" for one in figures["trials"]]
    for name, one in figures["phases"].items():
        lines += ["", f"{name}, costliest operations (ms)"]
        lines += [f"  {ms:7.2f}  {what}  ({own})" for ms, what, own in one["costliest"]]
    return lines


def _trial(one: dict[str, Any]) -> str:
    said = "fits" if one["fits"] else "does not fit"
    needs = f"{one['total_bytes'] / GIB:.2f} GiB"
    return f"{one['phase']}, {one['batch_per_core']} a core: {needs}, {said}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]
