"""What officers do with a log: query, review, trace, carry evidence away."""
