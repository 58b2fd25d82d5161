"""The networks that config.model.network names, one file each.

A file has two functions. `network(channels, side, widths, code, dtype)` makes a module
for images [B, side, side, channels] in [-1, 1]: called, it rebuilds them; its method
`encode` returns {"code": [B, D], and maps [B, H, W, D] by name}, and its submodule
`decoder` makes an image of a code. `with_channels(params, sources)` returns its
parameters for images of other channels; a source is an old channel's index, or None for
the mean. A constant IN_RANGE = True says that rebuilt images lie in [-1, 1]: the loss
"cross_entropy" needs that.
"""
