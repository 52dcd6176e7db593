"""What a bundle claims of its images and models, and whether the claims agree."""
