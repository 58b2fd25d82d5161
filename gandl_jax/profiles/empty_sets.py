"""Feature sets that have a note but no part: their note must not bind the next run."""

from etils import epath


def drop(workdir: epath.PathLike) -> None:
    """Removes the folders of sets without any part, and folders that this leaves empty.

    Args:
      workdir: of an experiment, held by this process; it may have no profiles.
    """
    root = epath.Path(workdir) / "profiles"
    for dataset in _folders(root):
        for encoder in _folders(dataset):
            if all(path.name.startswith(("_", ".")) for path in encoder.iterdir()):
                encoder.rmtree()
        _remove_if_empty(dataset)
    _remove_if_empty(root)


def _folders(folder: epath.Path) -> list[epath.Path]:
    entries = folder.iterdir() if folder.exists() else ()
    return [path for path in entries if path.is_dir()]


def _remove_if_empty(folder: epath.Path) -> None:
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
