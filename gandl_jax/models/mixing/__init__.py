"""How channels become what a network sees: a file for each `config.model.channels_in`.

A file defines

  COLOURS          channels that the network sees; 0 is as many as the images have. Of a
                   published network's three colours 3 takes the first filters as they
                   are, another number their mean for each (`weights/channels.py`)
  APART            whether `Mixing` gives an image for each channel: the network is
                   applied to each alone, and its features are put side by side
  CHOICES          {key: values it may have, the default first}: config.model.<name> has
                   these keys and `Mixing` these fields; without it there are none
  Mixing           nn.Module; [B, H, W, C] in [-1, 1] to [B, H, W, COLOURS], or where
                   APART to [B C, H, W, COLOURS], the channels of a sample in order
  with_channels    with_channels(params, sources): the layer's parameters for images of
                   other channels, as in `small_cnn.takes_channels`
  importance       importance(params) -> [C] of sum 1: how much of each channel goes in;
                   where that is the same for all images, else it is left out

COLOURS, APART and CHOICES are read without running the file: write them out. Files
without `Mixing` hold what layers share.
"""
