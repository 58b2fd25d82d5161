"""Selections of the images that are kept: a file per `config.generate.select`.

measured(images, features)     [B, M] float64 of images [B, H, W, C] in [-1, 1], real or
                               generated; features(images) gives [B, D] of an encoder
passing(real, drawn)           [n] int64, ascending: numbers of the images drawn that
                               may be kept, by their measures [N, M] and those of the
                               real images of their class [R, M]
chosen(real, drawn, wanted)    [wanted] int64, ascending: numbers of the images that are
                               kept, of images drawn that all pass
"""
