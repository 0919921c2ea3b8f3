"""Credits in Slack: how they stand, reports, alerts, digests, and the plan."""
