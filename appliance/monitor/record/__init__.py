"""From decisions to durable records, within quotas."""
