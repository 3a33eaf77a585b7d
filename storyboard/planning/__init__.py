"""What will be done about each scene, and why. Values in, values out."""
