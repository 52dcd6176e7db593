"""Statistics of evaluations; the estimators that certificates rest on are `appliance.contract.bounds`."""
