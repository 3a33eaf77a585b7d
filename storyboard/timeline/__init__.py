"""The film as clips on a timeline. Values in, values out."""
