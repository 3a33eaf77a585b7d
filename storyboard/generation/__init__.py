"""From a planned shot to a verified take."""
