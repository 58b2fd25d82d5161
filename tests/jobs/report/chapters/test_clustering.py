"""The chapter of clustering: a map, what each feature set gives, and each size."""

import pytest


@pytest.fixture
def saved(save, rows):
    def row(encoder, **changes):
        one = rows.score(encoder, value=0.3, task="clustering", chance=0.0)
        kept = {k: v for k, v in one.items() if k not in ("split", "leaky")}
        size = {
            "min_size": 20,
            "clusters": 3,
            "noise": 0.25,
            "silhouette": 0.7,
            "calinski_harabasz": 812.0,
            "davies_bouldin": 0.4,
        }
        none = dict.fromkeys(("calinski_harabasz", "davies_bouldin"))
        other = {"min_size": 50, "clusters": 0, "noise": 1.0, "silhouette": 0.0}
        places = {
            "x": [0.0, 1.0],
            "y": [0.0, 2.0],
            "cluster": [0, -1],
            "plate": ["1"] * 2,
        }
        return kept | size | {
            "label": "Treatment",
            "metric": "silhouette",
            "called": True,
            "gaussian_95": 0.41,
            "consistency": 0.9,
            "plate_share": 0.05,
            "label_share": None,
            "by_size": [size, other | none],
            "map": places,
            **changes,
        }  # fmt: skip

    def add(**changes):
        save("clustering", [row("gan@9", **changes), row("gan@0", called=False)])

    return add


def test_a_map_and_what_each_set_gives(saved, make, read_csv):
    saved()
    page = make()
    assert "HRCE, gan@9/b8: 3 clusters" in page.text
    (table,) = [t for t in page.tables if "Halves agree" in t[0]]
    assert table[0][-1] == "Share of Treatment"
    assert [line[1] for line in table[1:]] == ["trained", "untrained"]
    assert table[1][3:6] == ["3", "20", "25%"] and table[1][-1] == "–"
    assert table[2][3] == "none (3)"
    sizes = [t for t in page.tables if t[0][2:4] == ["Of at least", "Clusters"]]
    assert [line[2] for line in sizes[0][1:]] == ["20", "50"] * 2
    lines = read_csv("clustering")
    assert len(lines) == 6 and "map" not in lines[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"called": False}, "no clusters are called"),
        (
            {"plate_share": 0.8, "label_share": 0.1},
            "3 clusters, which follow the plates",
        ),
    ],
)
def test_what_is_no_finding_is_said(saved, make, changes, words):
    saved(**changes)
    assert words in make().text


def test_what_learnt_the_labels_is_marked(saved, make):
    saved(labels_seen=True)
    assert "labels seen" in make().text
