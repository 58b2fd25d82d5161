"""Networks: flax.linen modules, arrays in, arrays out."""
