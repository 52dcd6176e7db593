"""What the services inside the images share: context verification and marking of responses."""
