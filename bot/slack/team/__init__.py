"""Accounts and their people in Slack: Home, the first steps, what is settled there."""
