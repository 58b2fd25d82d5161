"""Heads that predict labels: one file per `config.method.head`, with a class `Head`.

Head(width, classes, scale) is an nn.Module on an embedding x [B, width] float32:

  __call__(x)                  [B, classes] logits of the prediction
  taught(x, codes, margin)     tuple of [B, classes] logits; the cross-entropy of each
                               with codes [B] int32, -1 if blank, is a loss
  with_channels(params, sources, width)
                               a function of the file: its parameters for an embedding
                               of other channels' features, `width` of each, joined
"""
