"""Known vulnerabilities: the feed a bundle carries, and what of it matters here."""
