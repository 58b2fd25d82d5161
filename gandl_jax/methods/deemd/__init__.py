"""DEEMD: bags of a site's tiles, and whether any of them looks infected."""
