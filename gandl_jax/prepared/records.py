"""Reading single records of a prepared screen."""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from gandl_jax.errors import RunError
from gandl_jax.host_tensorflow import CALLS, tf
from gandl_jax.prepared.prepared import Prepared

OnBad = Callable[[int], None]  # called with the number of a record that cannot be read

ANOTHER = "is another record than was written there"
_DIGESTS = 2**63 - 1  # number of possible digests, in int64


class DamagedRecord(RunError):
    """A stored record that cannot be read; says which, and in which shard."""


def random_reader(prepared: Prepared) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes a function from record number [] int64 to serialized example [] string."""
    paths = tf.constant([prepared.path(i) for i in range(prepared.shards)])
    shard = tf.constant(prepared.shard)
    offset, length = tf.constant(prepared.offset), tf.constant(prepared.length)
    identity = tf.constant(_identities(prepared))
    is_record = _recogniser(_key(prepared))

    def read(record):
        return _read_checked(
            paths[shard[record]],
            offset[record],
            length[record],
            identity[record],
            is_record,
        )

    return read


def readable(
    prepared: Prepared, channels: Sequence[str], rows: np.ndarray
) -> tf.data.Dataset:
    """Reads records in order, without those that cannot be read.

    Args:
      prepared: the screen.
      channels: C names.
      rows: [n] int, records.

    Returns:
      A dataset of the index of a record in `rows`, [] int64, and its C planes [H, W]
      uint8 or uint16.
    """
    shards, shard = np.unique(prepared.shard[rows], return_inverse=True)
    paths = np.array([str(prepared.path(i)) for i in shards])[shard]
    stored = paths, prepared.offset[rows], prepared.length[rows]
    read = _planes_reader(
        tuple(channels),
        (prepared.height_px, prepared.width_px),
        pixel_dtype(prepared),
        _key(prepared),
    )
    numbers = np.arange(len(rows))
    places = (numbers, *stored, _identities(prepared)[rows])
    return (
        tf.data.Dataset.from_tensor_slices(places)
        .map(read, num_parallel_calls=CALLS, deterministic=True)
        .ignore_errors()
    )


@functools.cache  # tracing it anew for each shard takes longer than a small shard
def _planes_reader(
    channels: tuple[str, ...],
    shape: tuple[int, int],
    dtype: tf.DType,
    key: tuple[str, ...] | None,
) -> Callable:
    is_record = _recogniser(key)

    @tf.function(autograph=False)
    def read(number, path, offset, length, identity):
        example = _read_checked(path, offset, length, identity, is_record)
        return number, _decoded(channels, shape, dtype, example)

    return read


def _read_checked(path, offset, length, identity, is_record: Callable) -> tf.Tensor:
    """Reads a serialized example, [] string; fails if it is another record's."""
    example = read_at(path, offset, length)
    wanted = tf.debugging.Assert(is_record(example, identity), [ANOTHER])
    with tf.control_dependencies([] if wanted is None else [wanted]):
        return tf.identity(example)


def digest(example: tf.Tensor) -> tf.Tensor:
    """Hashes a serialized example [] string: [] int64, FarmHash's.

    A record's own checksum does not distinguish it from another undamaged record. The
    hash costs a thousandth of decoding.
    """
    return tf.strings.to_hash_bucket_fast(example, _DIGESTS)


def _key(prepared: Prepared) -> tuple[str, ...] | None:
    """Returns the columns that identify an example; None if its digest does."""
    return None if prepared.digest is not None else tuple(prepared.key)


def _identities(prepared: Prepared) -> np.ndarray:
    """Returns what each record is recognised by: [N] digests, names, or zeros."""
    if prepared.digest is not None:
        return prepared.digest
    return prepared.ids if prepared.key else np.zeros(len(prepared.shard), np.int64)


def _recogniser(
    key: tuple[str, ...] | None,
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Makes a function of an example and an identity to whether they agree.

    It compares digests; if a former version wrote none, the columns of the key, which
    the example holds as text.
    """
    if key is None:
        return lambda example, wanted: tf.equal(digest(example), wanted)
    if not key:
        return lambda example, wanted: tf.constant(True)
    text = tf.io.FixedLenFeature([], tf.string)
    columns = {column: text for column in key}

    def is_record(example, wanted):
        cells = tf.io.parse_single_example(example, columns)
        name = tf.strings.join([cells[column] for column in key], "_")
        return tf.equal(name, wanted)

    return is_record


def read_at(path: tf.Tensor, offset: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Reads the serialized example [] string whose frame starts at an offset of a file.

    Args:
      path: [] string.
      offset: [] int64, in bytes.
      length: [] int64, of the example, in bytes.

    Raises:
      tf.errors.OpError: no record starts there, or its checksum is wrong.
    """
    output = {"output_types": [tf.string], "output_shapes": [[]]}
    # The only reader in TensorFlow that starts at an offset, checks the checksum and
    # needs no Python in the pipeline's threads. The buffer holds one record.
    dataset = tf.raw_ops.TFRecordDatasetV2(
        filenames=[path],
        compression_type="",
        buffer_size=length + 16,
        byte_offsets=[offset],
    )
    first = tf.raw_ops.TakeDataset(input_dataset=dataset, count=1, **output)
    return tf.raw_ops.DatasetToSingleElement(dataset=first, **output)[0]


def images(channels: Sequence[str], example: tf.Tensor) -> list[tf.Tensor]:
    """Extracts the PNG of each channel from a serialized example, [] string."""
    text = tf.io.FixedLenFeature([], tf.string)
    names = [f"images/{name}" for name in channels]
    png_of_name = tf.io.parse_single_example(example, {name: text for name in names})
    return [png_of_name[name] for name in names]


def pixel_dtype(prepared: Prepared) -> tf.DType:
    """Returns the TensorFlow type of a site's pixels: uint8 or uint16."""
    return tf.uint8 if prepared.bit_depth == 8 else tf.uint16


def planes(
    prepared: Prepared, channels: Sequence[str], example: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """Decodes a serialized example to its channels, [H, W] uint8 or uint16 each."""
    shape = prepared.height_px, prepared.width_px
    return _decoded(channels, shape, pixel_dtype(prepared), example)


def _decoded(
    channels: Sequence[str],
    shape: tuple[int, int],
    dtype: tf.DType,
    example: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    decoded = (tf.io.decode_png(png, 1, dtype) for png in images(channels, example))
    return tuple(tf.ensure_shape(plane, (*shape, 1))[..., 0] for plane in decoded)


def first_readable(
    prepared: Prepared, channels: Sequence[str], candidates: tf.Tensor
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Reads the first record that can be read.

    Args:
      prepared: the screen.
      channels: C names.
      candidates: [n] int64, records in the order to try.

    Returns:
      The record's number, [] int64, and its C planes [H, W] uint8 or uint16; -1 and
      zeros if none can be read.
    """
    read = random_reader(prepared)
    shape, dtype = (prepared.height_px, prepared.width_px), pixel_dtype(prepared)
    none = tf.data.Dataset.from_tensors(tf.constant(-1, tf.int64)).map(
        lambda record: (record, (tf.zeros(shape, dtype),) * len(channels))
    )
    tried = tf.data.Dataset.from_tensor_slices(candidates).map(
        lambda record: (record, planes(prepared, channels, read(record)))
    )
    return tried.ignore_errors().concatenate(none).take(1).get_single_element()


def damaged(prepared: Prepared, record: int) -> DamagedRecord:
    """Makes the error that says where a record lies, what is wrong and the remedy."""
    shard, index = prepared.place(record)
    name = prepared.table["Metadata_Record_ID"].iloc[record]
    location = f"record {index} ({name}, row {record}) of {prepared.path(shard)}"
    reason = fault(prepared, record)
    if reason is None:
        return DamagedRecord(
            f"{location} could not be read, but can now: the disk or the network may "
            "have failed; the same command goes on"
        )
    return DamagedRecord(
        f"{location} {reason}: delete that shard and run --job=prepare again, or pass "
        "over such records with --config.data.bad_records=skip"
    )


def fault(prepared: Prepared, record: int) -> str | None:
    """Describes why a record could not be read; None if it now can be."""
    try:
        example = random_reader(prepared)(tf.constant(record, tf.int64))
        planes(prepared, prepared.channels, example)
    except tf.errors.OpError as error:
        return reason(error)
    return None


def reason(error: tf.errors.OpError) -> str:
    """Describes what is wrong with a record."""
    if isinstance(error, tf.errors.DataLossError):
        return "does not agree with its own checksum"
    if "Dataset was empty" in error.message:
        return "lies beyond the end of the file"
    if ANOTHER in error.message:
        return f"{ANOTHER}, as of another shard or another preparation"
    message = error.message.splitlines()[0].partition("[Op:")[0]
    return f"does not decode: {message.rpartition('}} ')[2].strip()}"
