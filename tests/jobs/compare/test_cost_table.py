"""The table of costs: one line for each trained arm, its units in the header."""

import re

from gandl_jax.jobs.compare import cost_table

COST = {
    "seconds": 90.0,
    "steps": 1070.0,
    "step_seconds": 0.0842,
    "images": 4280.0,
    "peak_host_bytes": 3 * 2**29,
    "peak_device_bytes": None,
    "flops_per_step": 2.5e9,
    "parameters": 26040,
    "width": 2048,
}


def cells(html):
    return [
        re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)
        for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    ]


def test_each_trained_arm_has_one_line_of_plain_numbers():
    html = cost_table.table(["byol", "untrained", "byol"], {"byol": COST})
    header, *lines = cells(html)
    assert dict(zip(header, lines[0], strict=True)) == {
        "Method": "byol",
        "Training": "1:30",
        "Steps": "1,070",
        "Seconds a step": "0.0842",
        "Images": "4,280",
        "Memory, GiB": "1.5",
        "GFLOP a step": "2.50",
        "Parameters": "26,040",
        "Width": "2,048",
    }
    assert len(lines) == 1
    assert "the program on its host" in html and "a device" not in html


def test_what_is_not_known_is_a_dash_and_both_kinds_of_memory_are_named():
    unknown = COST | {"peak_host_bytes": None, "flops_per_step": None, "width": None}
    device = COST | {"peak_device_bytes": 2**31}
    html = cost_table.table(["a", "b"], {"a": unknown, "b": device})
    assert "a device or the program on its host" in html
    _, first, second = cells(html)
    assert [first[5], first[6], first[8]] == ["–"] * 3
    assert second[5] == "2.0"
