"""Job `init`: from a folder of images to a config that describes it."""
