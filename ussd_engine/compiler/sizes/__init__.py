"""What screens and notices cost at worst, and whether networks can carry them."""
