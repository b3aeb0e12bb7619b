"""Ways in which a school supplies: one module each."""
