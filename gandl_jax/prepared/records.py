"""Reading single records of a prepared screen."""

from collections.abc import Callable, Sequence

from gandl_jax.errors import RunError
from gandl_jax.host_tensorflow import tf
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
    is_record = _recogniser(prepared)

    def read(record):
        example = read_at(paths[shard[record]], offset[record], length[record])
        wanted = tf.debugging.Assert(is_record(example, record), [ANOTHER])
        with tf.control_dependencies([] if wanted is None else [wanted]):
            return tf.identity(example)

    return read


def digest(example: tf.Tensor) -> tf.Tensor:
    """Hashes a serialized example [] string: [] int64, FarmHash's.

    A record's own checksum does not distinguish it from another undamaged record. The
    hash costs a thousandth of decoding.
    """
    return tf.strings.to_hash_bucket_fast(example, _DIGESTS)


def _recogniser(prepared: Prepared) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Makes a function of an example and a record number to whether it is that record.

    It compares digests; if a former version wrote none, the columns of the key, which
    the example holds as text.
    """
    if prepared.digest is not None:
        wanted = tf.constant(prepared.digest)
        return lambda example, record: tf.equal(digest(example), wanted[record])
    if not prepared.key:
        return lambda example, record: tf.constant(True)
    names = tf.constant(prepared.ids)
    text = tf.io.FixedLenFeature([], tf.string)
    columns = {column: text for column in prepared.key}

    def is_record(example, record):
        cells = tf.io.parse_single_example(example, columns)
        name = tf.strings.join([cells[column] for column in prepared.key], "_")
        return tf.equal(name, names[record])

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
    shape, dtype = (prepared.height_px, prepared.width_px, 1), pixel_dtype(prepared)
    decoded = (tf.io.decode_png(png, 1, dtype) for png in images(channels, example))
    return tuple(tf.ensure_shape(plane, shape)[..., 0] for plane in decoded)


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
