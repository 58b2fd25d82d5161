"""Points lie where they were given, in the colours of their groups."""

import re
import xml.etree.ElementTree as ElementTree

from gandl_jax.figures import points


def test_points_of_each_group_and_their_order():
    given = {"response_1": [(0.0, 0.0), (1.0, 1.0)], "treated": [(0.5, 0.25)]}
    root = ElementTree.fromstring(points.draw(given, "a < b"))
    paths = list(root.iter("path"))
    colours = [path.get("stroke") for path in paths]
    assert colours == [points.GROUPS["treated"], points.GROUPS["response_1"]]
    middle, corners = (
        [(float(x), float(y)) for x, y in re.findall(r"M(\S+) (\S+)h0", p.get("d"))]
        for p in paths
    )
    (left, bottom), (right, top) = corners
    assert 0 < left < right < points.WIDTH and 0 < top < bottom < points.HEIGHT
    ((x, y),) = middle
    assert x == (left + right) / 2 and y == bottom + (top - bottom) / 4
    assert root.find("title").text == "a < b"
