"""EfficientNet-Lite0 with its authors' padding, as in the wheel and timm's `tf_`."""

from gandl_jax.models.backbones.preprocessing import LITE
from gandl_jax.models.conv_norm import TENSORFLOW
from gandl_jax.models.efficientnet_lite import EfficientNetLite0

WIDTH = 1280  # of the pooled features
LEAST_PX = 1
STAGES = (
    "stem",
    "block1",
    "block2",
    "block3",
    "block4",
    "block5",
    "block6",
    "block7",
    "head",
)


def network(**options) -> EfficientNetLite0:
    """Makes the network; options are its classes, axis, dtype, fixed."""
    return EfficientNetLite0(TENSORFLOW, LITE, **options)
