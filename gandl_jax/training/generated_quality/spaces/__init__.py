"""Feature spaces that take no part in training: a module each, by the space's name.

SEES                 what it looks at, in words, for the report; a plain string
MOST                 images of each kind that are measured at most
missing()            what has to be installed, in words; "" where all is there
version()            text; other features where it changes
open_space(channels, px)
                     function of images [B, px, px, C] float32 in [-1, 1] to {ALL or a
                     channel's number: [B, D] floating}, NaN where undefined
"""
