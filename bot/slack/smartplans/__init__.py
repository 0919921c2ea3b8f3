"""SmartPlans in Slack: written, priced, put on contacts, and what they tell members."""
