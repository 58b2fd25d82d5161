"""The most memory that this process has held."""

import jax

from gandl_jax import memory, parallel


def peaks_mb(devices: list[jax.Device]) -> dict[str, float]:
    """Peaks so far: the process's resident memory, and a device's where it tells."""
    resident = memory.peak_bytes() / 1e6
    on_device = parallel.peak_bytes(devices)
    told = {} if on_device is None else {"peak_device_mb": on_device / 1e6}
    return {"peak_rss_mb": resident} | told
