"""The chapter of generated images from results as the job writes them."""

from gandl_jax.jobs.report.job_chapters import generated_quality as chapter
from gandl_jax.training.generated_quality import judged


def row(step, channel, value):
    names = ("kernel_distance", "kernel_distance_low", "kernel_distance_high")
    shares = {"frechet_distance": 7.5, "precision": 0.25, "recall": 0.125}
    given = dict(zip(names, (value, value - 0.5, value + 0.5), strict=True)) | shares
    floor = dict(zip(names, (0.01, -0.5, 0.5), strict=True)) | shares
    return {
        "step": step,
        "images": step * 16,
        "space": "random",
        "channel": channel,
        "count": 1000,
        "records": 90,
        "width": 960,
        **given,
        **{f"floor_{key}": number for key, number in floor.items()},
    }


def content(step, value):
    return {
        "trained_records": 90,
        "validated_records": 0,
        "held_out_records": 10,
        "rows": [row(step, "", value), row(step, "actin <b>", value + 1)],
    }


def test_curve_table_floor_and_the_nearest_step_are_told(tmp_path):
    contents = {"500": content(500, 1.5), "1000": content(1000, 2.25)}
    html = chapter.section("screen", contents, tmp_path)
    assert "crops of the 90 records that are trained on" in html
    assert "none of the 10 that are held out" in html
    assert "Smaller is better" in html and "real against real" in html
    assert "nearest to real ones at step 500: 1.5" in html
    assert "1,000 images of each kind" in html and "<svg" in html
    assert "2.25 [1.75, 2.75]" in html and "7.5 (7.5)" in html
    assert "<b>" not in html and "actin &lt;b&gt;" in html
    (rows,) = chapter.numbers(contents).values()
    order = [(one["channel"], one["step"]) for one in rows]
    whole = judged.WHOLE
    assert order[:2] == [(whole, 500), (whole, 1000)] and len(order) == 4


def test_a_space_without_numbers_has_no_curve(tmp_path):
    one = content(500, 1.5)
    for line in one["rows"]:
        line |= dict.fromkeys([key for key in line if "distance" in key])
    html = chapter.section("screen", {"500": one}, tmp_path)
    assert "<svg" not in html and "<table" in html
