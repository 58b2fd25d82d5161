"""Mixings of channels before a network: one file per `config.model.channels_in`.

A file defines

  COLOURS          channels that the network sees; 0 is as many as the images have. For
                   a published network 3 keeps the first filters, and another number
                   takes their mean for each channel (`weights/channels.py`)
  APART            whether `Mixing` makes an image of each channel: the network is
                   applied to each alone, and its features are joined
  CHOICES          {key: possible values, the default first}: keys of
                   config.model.<name> and fields of `Mixing`; without it there are none
  Mixing           nn.Module; [B, H, W, C] in [-1, 1] to [B, H, W, COLOURS], or if APART
                   to [B C, H, W, COLOURS], the channels of a sample in order
  with_channels    with_channels(params, sources): the layer's parameters for images of
                   other channels, as in `small_cnn.takes_channels`
  importance       importance(params) -> [C] of sum 1, the weight of each channel; left
                   out if it differs between images

COLOURS, APART and CHOICES are read without running the file: write them out. Files
without `Mixing` hold functions that layers share.
"""
