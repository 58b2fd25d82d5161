"""What a CSV file holds is counted; what could be misread is told with its line.

The oracle is Python's csv reader where a file is sound, and pandas where it is not:
what pandas reads of the same bytes, without a word, is what must be refused.
"""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from gandl_jax import csv_layout
from gandl_jax.errors import InputError

HEAD = "site_id,plate,compound,dose_uM\n"
ROWS = [f"s{i},P1,drug{i},{i}\n" for i in range(1, 9)]
WHOLE = HEAD + "".join(ROWS)


def check(text, path="t.csv", most_columns=100):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    stream = csv_layout.as_text(io.BytesIO(data))
    return csv_layout.check(stream, path, most_columns=most_columns)


def changed(row, old, new):
    rows = list(ROWS)
    rows[row] = rows[row].replace(old, new)
    return rows


SOUND = {
    "plain": WHOLE,
    "windows": WHOLE.replace("\n", "\r\n"),
    "mac": WHOLE.replace("\n", "\r"),
    "byte-order-mark": "\ufeff" + WHOLE,
    "no-last-line-end": WHOLE[:-1],
    "empty-lines": "\n" + HEAD + ROWS[0] + "\n\n" + "".join(ROWS[1:]) + "\n\n",
    "quoted": HEAD + '"s1","P,1","2\'-""x""",""\n' + ROWS[1],
    "quote-alone": HEAD + 's1,P1,"""",1\n' + ROWS[1],
    "note-of-two-lines": HEAD + 's1,P1,"seen, and\nseen again",1\n' + ROWS[1],
    "index": "," + HEAD + "0," + ROWS[0] + "1," + ROWS[1],
    "one-column": "site_id\ns1\ns2\n",
}


@pytest.mark.parametrize("name", SOUND)
def test_columns_and_rows_are_those_that_a_csv_reader_finds(name):
    text = SOUND[name]
    lines = io.StringIO(text.lstrip("\ufeff"), newline=None).read()
    expected = [row for row in csv.reader(io.StringIO(lines)) if row]
    layout = check(text)
    assert layout.columns == tuple(expected[0])
    assert layout.rows == len(expected) - 1
    assert layout.broken_cells == any("\n" in c for row in expected for c in row)
    assert layout.last_line_ends == lines.endswith("\n")
    row = layout.rows - 1
    stream = csv_layout.as_text(io.BytesIO(text.encode()))
    line = csv_layout.line_of(stream, "t.csv", row)
    assert lines.split("\n")[line - 1].startswith(expected[-1][0].replace('"', '""'))


UNSOUND = {
    "two-quotes": (
        HEAD
        + "".join(changed(1, "drug", '"drug')[:4] + changed(4, "drug", '"drug')[4:]),
        "line 3 opens a quote .* meets a quote within a cell in line 6",
    ),
    "quotes-that-pair": (
        HEAD + "".join(changed(1, "drug", '"drug')[:4] + changed(4, "g5", 'g5"')[4:]),
        "in quotes that begins in line 3 holds 3 line breaks and as many cells as",
    ),
    "quotes-in-the-last-column": (
        HEAD + ROWS[0] + 's2,P1,x,"2\n' + ROWS[2] + 's4,P1,x,4"\n' + ROWS[4],
        "in quotes that begins in line 3 holds 2 line breaks",
    ),
    "never-closed": (
        HEAD + "".join(changed(1, "drug", '"drug')),
        "line 3 opens a quote that is never closed",
    ),
    "inches": (HEAD + "".join(changed(2, "drug", '5" ')), "line 4 has a quote within"),
    "ends-in-a-quote": (HEAD + "".join(changed(2, "g3", 'g3"')), "line 4 has a quote"),
    "blank-before-quotes": (HEAD + 's1,P1, "x",1\n', "line 2 has a quote within"),
    "backslashes": (HEAD + 's1,P1,"x \\"y\\"",1\n', "line 2 has a quote within"),
    "short": (
        HEAD + ROWS[0] + "s2,P1\n",
        "line 3 has 2 cells where .* names 4 columns",
    ),
    "long": (HEAD + ROWS[0] + "s2,P1,x,1,2\n", "line 3 has 5 cells where .* names 4"),
    "cut": (WHOLE[:-5], "line 9 has 3 cells where the header names 4 columns"),
    "blanks": (HEAD + ROWS[0] + "  \n" + ROWS[1], "line 3 has 1 cell where"),
    "return-in-a-cell": (HEAD + "s1,P1,dr\rug,1\n", "line 2 has 3 cells"),
    "comma-after-each-row": (
        HEAD + "".join(row[:-1] + ",\n" for row in ROWS),
        "line 2 has 5 cells where .* names 4 columns, for it ends in a delimiter",
    ),
    "comma-after-all": (WHOLE.replace("\n", ",\n"), "column 5 has no name .*line 1"),
    "two-names": (
        HEAD.replace("\n", ",dose_uM\n") + "".join(r[:-1] + ",1\n" for r in ROWS),
        "two columns 'dose_uM' .numbers 4 and 5 of line 1",
    ),
    "two-names-but-for-a-blank": (
        HEAD.replace("plate", "dose_uM ") + "".join(ROWS),
        "two columns 'dose_uM' .numbers 2 and 4",
    ),
    "two-names-of-unicode": ("a\u0308,\u00e4\n1,2\n", "two columns '\u00e4'"),
    "header-again": (WHOLE + WHOLE, "line 10 is the header again"),
    "files-put-together": (WHOLE + "\ufeff" + WHOLE, "line 10 is the header again"),
    "semicolons": (WHOLE.replace(",", ";"), "separated by ';'"),
    "decimal-commas": ("a;b\n0,5;1,5\n", "separated by ';'"),
    "tabs": (WHOLE.replace(",", "\t"), "separated by tabs: save it with commas"),
    "nul": (HEAD + "s1,P1,dr\0ug,1\n", r"line 2 holds the character '\\x00'"),
    "latin": (
        b"a,b\n1,2\n\xe4,2\n",
        "line 3 .* 0xe4.* Latin-1 it is 'ä': save.*iconv",
    ),
    "utf-16": (WHOLE.encode("utf-16"), "it is UTF-16 text .*: save it as UTF-8"),
    "utf-16-without-mark": (WHOLE.encode("utf-16-le"), "it is UTF-16 text"),
    "empty": ("\n\n", "t.csv is empty"),
    "wide": ("a," * 200 + "a\n", "a line of 201 columns, and 100 are the most"),
    "name-of-two-lines": ('a,"b\nc"\n1,2\n', "name of column 2 .* a line break"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_could_be_misread_is_told_with_its_line(name):
    text, message = UNSOUND[name]
    with pytest.raises(InputError, match=message) as told:
        check(text)
    assert "\n" not in str(told.value) and len(str(told.value)) < 300


@pytest.mark.parametrize("seed", range(20))
def test_a_quote_in_any_two_cells_never_swallows_rows(seed):
    """One quote before and one behind two cells: all counted, or refused."""
    rng = np.random.default_rng(seed)
    cells = [line.rstrip("\n").split(",") for line in ROWS]
    rows, columns = rng.integers(0, 8, 2), rng.integers(0, 4, 2)
    cells[rows[0]][columns[0]] = '"' + cells[rows[0]][columns[0]]
    cells[rows[1]][columns[1]] += '"'
    text = HEAD + "".join(",".join(row) + "\n" for row in cells)
    try:
        layout = check(text)
    except InputError:
        return
    assert layout.rows == 8  # both of one cell, which is quoted now
    assert len(pd.read_csv(io.StringIO(text))) == 8


def test_pandas_says_nothing_of_the_rows_it_loses():
    """Why the check is there: the cases are not refused by the reader itself."""
    silent = []
    for name in (
        "two-quotes",
        "quotes-that-pair",
        "short",
        "two-names",
        "header-again",
    ):
        try:
            pd.read_csv(io.StringIO(UNSOUND[name][0]), dtype=str)
            silent.append(name)
        except pd.errors.ParserError:
            pass
    assert "quotes-that-pair" in silent and len(silent) >= 4


def test_tabs_are_between_the_cells_of_tsv():
    assert check(WHOLE.replace(",", "\t"), "a/t.TSV").rows == 8
    assert check(WHOLE.replace(",", "\t"), "t.tsv.gz").rows == 8
    with pytest.raises(InputError, match="separated by commas: save it with tabs"):
        check(WHOLE, "t.tsv")


def test_a_line_without_end_takes_no_memory():
    """A file of 200 MB in one line, read through a stream that makes it up."""

    class Endless(io.RawIOBase):
        given = 0

        def readable(self):
            return True

        def readinto(self, buffer):
            self.given += len(buffer)
            buffer[:] = b"x" * len(buffer)
            return len(buffer) if self.given < 200_000_000 else 0

    stream = Endless()
    with pytest.raises(InputError, match="line 1 has 16,777,216 characters or more"):
        csv_layout.check(csv_layout.as_text(stream), "t.csv", most_columns=9)
    assert stream.given < 20_000_000
