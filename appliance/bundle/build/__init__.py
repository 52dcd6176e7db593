"""Building a bundle: images, their evidence, and the folder that is signed."""
