"""Feature spaces that take no part in training: a module each, by the space's name.

SEES                 description of the space, for the report; a plain string
MOST                 limit of images of each set that are measured
missing()            description of what must be installed; "" if nothing
version()            text that changes with the features
open_space(channels, px)
                     function of images [B, px, px, C] float32 in [-1, 1] to {ALL or a
                     channel's number: [B, D] floating}, NaN where undefined
"""
