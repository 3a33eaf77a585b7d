"""Pictures made of words and images."""
