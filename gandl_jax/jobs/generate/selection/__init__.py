"""Which generated images are kept: a file for each `config.generate.select`.

measured(images, features)     [B, M] float64 of images [B, H, W, C] in [-1, 1], real or
                               generated; features(images) gives [B, D] of an encoder
passing(real, drawn)           [n] int64, ascending: which of the images drawn may be
                               kept, by what was measured of them [N, M] and of the real
                               images of their class [R, M]
chosen(real, drawn, wanted)    [wanted] int64, ascending: those that are kept, of images
                               drawn that all pass
"""
