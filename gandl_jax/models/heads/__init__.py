"""What names a label: a file for each `config.method.head`, with a class `Head`.

Head(width, classes, scale) is an nn.Module on an embedding x [B, width] float32:

  __call__(x)                  [B, classes] logits, by which it answers
  taught(x, codes, margin)     tuple of [B, classes] logits; the cross-entropy of each
                               with codes [B] int32, -1 where blank, is a loss
  with_channels(params, sources, width)
                               a function beside it: its parameters for an embedding of
                               other channels' features, `width` of each, side by side
"""
