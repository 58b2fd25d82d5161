"""A screen of one's own: what the config may say, and what it may not."""

import subprocess
import sys

import pytest

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.raw import screen
from gandl_jax.screens import own


def settings(columns=None, **changes):
    c = config.default()
    c.data.name = "own"
    c.screen.update(name="mine", file="{well}_{channel}.tif", channels=("dna", "actin"))
    c.screen.update(**changes)
    c.screen.columns.update(columns or {})
    return c


def test_the_spec_is_what_the_config_says():
    c = settings(
        columns={"well": "position", "concentration_um": "dose", "cell": "nucleus"},
        channel_codes=("d0", "d1"),
        more_columns=("cell line", "donor_age"),
        response_0="drug=DMSO|; dose = 0",
        treated="drug=a",
    )
    spec = screen.load(c)
    assert spec.columns == {
        "Metadata_Site_ID": "site_id",
        "Metadata_Well": "position",
        "Metadata_Cell": "nucleus",
        "Metadata_Concentration_uM": "dose",
        "Metadata_Cell_Line": "cell line",
        "Metadata_Donor_Age": "donor_age",
    }
    assert spec.key == ("site_id", "nucleus") and spec.codes == ("d0", "d1")
    assert spec.response_0 == {"drug": ("DMSO", ""), "dose": ("0",)}
    assert spec.response_1 is None and spec.treated == {"drug": ("a",)}
    row = {"well": "A01", "x": "1"}
    assert spec.image_paths(row) == ["A01_d0.tif", "A01_d1.tif"]
    assert (spec.planes, spec.file_per_channel) == (1, True)


def test_one_file_for_all_channels():
    spec = screen.load(settings(file="{a b}/{file}"))
    assert spec.image_paths({"a b": "x", "file": "y.tif"}) == ["x/y.tif"]
    assert spec.planes == 2 and spec.file_columns == ("a b", "file")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", None),
        ("  ", None),
        ("a=", {"a": ("",)}),
        ("a=x y | z;b=1", {"a": ("x y", "z"), "b": ("1",)}),
        ("a=b=c", {"a": ("b=c",)}),
    ],
)
def test_filters(text, rule):
    assert own.read_filter("treated", text) == rule


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "screen.name=''"),
        ({"name": "My screen"}, "screen.name='My screen'"),
        ({"channels": ()}, "names no channel"),
        ({"channels": ("dna", "a/b")}, "'a/b'"),
        ({"channels": ("dna", "dna")}, "channels names 'dna' twice"),
        ({"file": ""}, "screen.file=''"),
        ({"file": "image.tif"}, "screen.file='image.tif'"),
        ({"file": "{well"}, "screen.file='{well'"),
        ({"file": "{well}*_{channel}.tif"}, r"\* and {well} touch"),
        ({"file": "*{f_{channel}}"}, r"\* and {f_{channel}} touch"),
        ({"file": "{f_{channel}}", "metadata": ""}, "'f_{channel}' should be letters"),
        ({"wells_per_row": -12}, "wells_per_row=-12 should be"),
        ({"file": "{}_{channel}.tif"}, "alone in its braces"),
        ({"file": "{well:02}.tif"}, "alone in its braces"),
        ({"file": "{a b}.tif", "metadata": ""}, "the field 'a b'"),
        ({"channel_codes": ("1",)}, "1 codes for 2 channels"),
        ({"channel_codes": ("1", "1")}, "names '1' twice"),
        ({"channel_codes": ("1", "2"), "file": "{file}"}, "no {channel}"),
        ({"response_0": "DMSO"}, "response_0='DMSO'"),
        ({"response_1": "=DMSO"}, "response_1"),
        ({"treated": "a=1; a=2"}, "each column once"),
        ({"more_columns": ("role",)}, "would be Metadata_Role"),
        ({"more_columns": ("record_id",)}, "would be Metadata_Record_ID"),
        ({"more_columns": ("site id",)}, "'site id' would be Metadata_Site_ID"),
        ({"columns": {"site_id": ""}}, "nothing names a record"),
        ({"columns": {"plate": "wel"}, "metadata": ""}, "did you mean 'well'"),
        ({"more_columns": ("channel",), "metadata": ""}, "'channel'"),
    ],
)
def test_what_the_config_may_not_say(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        screen.load(settings(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("job", ["prepare", "train"])
def test_a_wrong_screen_is_told_before_anything_slow(request, tmp_path, job):
    root = request.config.rootpath.parent
    code = (
        "import sys; from gandl_jax import main; code = main.main(sys.argv[1:]);"
        "assert not {'tensorflow', 'jax', 'sklearn'} & set(sys.modules);"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, f"--config={root}/configs/my_screen.py"]
    command += [f"--job={job}", "--config.screen.channel_codes=DAPI"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and "1 codes for 3 channels" in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
