"""Digests of a folder's files as written: its `manifest.sha256`.

The manifest lists every file below the folder in the form that `sha256sum -c` reads.
"""

from collections.abc import Iterator

from etils import epath

from gandl_jax import files

MANIFEST = "manifest.sha256"


def write(folder: epath.PathLike) -> None:
    """Writes the manifest of a folder that is complete."""
    folder = epath.Path(folder)
    hashes = {name: files.sha256(folder / name) for name in sorted(_names(folder))}
    lines = [f"{sha256}  {name}\n" for name, sha256 in hashes.items()]
    files.replace(folder / MANIFEST, "".join(lines))


def is_listed(folder: epath.PathLike) -> bool:
    """Whether a folder was completed."""
    return (epath.Path(folder) / MANIFEST).exists()


def damage(folder: epath.PathLike) -> str | None:
    """Describes the damage of a folder, a clause; None if all is as written."""
    folder = epath.Path(folder)
    if not is_listed(folder):
        return "it was never finished"
    try:
        listed = _listed(files.read_text(folder / MANIFEST))
    except (ValueError, OSError):  # not UTF-8, not such lines, a bad sector
        return f"{MANIFEST} is damaged"
    present = set(_names(folder))
    for name in sorted(listed.keys() - present):
        return f"{name} is missing"
    for name in sorted(present - listed.keys()):
        return f"{name} is not in {MANIFEST}"
    for name, sha256 in sorted(listed.items()):
        try:
            if files.sha256(folder / name) != sha256:
                return f"{name} is not as it was written"
        except OSError as error:  # a bad sector
            return f"{name} cannot be read: {error}"
    return None


def _listed(text: str) -> dict[str, str]:
    if not text.endswith("\n"):
        raise ValueError("cut off")
    pairs = [line.split("  ", 1) for line in text[:-1].split("\n")]
    return {name: sha256 for sha256, name in pairs}


def _names(folder: epath.Path, above: str = "") -> Iterator[str]:
    """Yields paths of the files below, without the manifest and hidden ones."""
    for path in folder.iterdir():
        if path.name.startswith(".") or (not above and path.name == MANIFEST):
            continue
        name = above + path.name
        if path.is_dir():
            yield from _names(path, f"{name}/")
        else:
            yield name
