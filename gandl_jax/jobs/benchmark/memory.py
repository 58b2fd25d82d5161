"""Peak of memory of this process."""

import jax

from gandl_jax import memory, parallel


def peaks_mb(devices: list[jax.Device]) -> dict[str, float]:
    """Returns peaks so far: resident memory, and a device's memory if known."""
    resident = memory.peak_bytes() / 1e6
    on_device = parallel.peak_bytes(devices)
    device_peak = {} if on_device is None else {"peak_device_mb": on_device / 1e6}
    return {"peak_rss_mb": resident} | device_peak
