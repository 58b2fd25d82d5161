"""A convolutional classifier: it learns labels, and its last layers are features."""
