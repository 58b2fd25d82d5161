"""The networks that config.model.network names, one file each.

A file has two functions. `network(channels, side, widths, code, dtype)` gives a module
for images [B, side, side, channels] in [-1, 1]: called, it rebuilds them; its method
`encode` gives {"code": [B, D], and maps [B, H, W, D] by name}, and its part `decoder`
makes an image of a code. `with_channels(params,
sources)` gives its parameters for images of other channels, for each of which sources
has an old one's number, or None for their mean. A constant IN_RANGE = True says that
what it rebuilds lies in [-1, 1]: the loss "cross_entropy" needs that.
"""
