"""The reference monitor: identity, decision, contexts and the daemon that the gateways ask."""
