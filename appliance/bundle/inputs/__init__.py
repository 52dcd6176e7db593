"""What a build starts from: packages, wheels, npm files and models, locked and fetched."""
