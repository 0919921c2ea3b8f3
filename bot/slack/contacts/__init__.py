"""Contacts in Slack: found, changed, merged; lists that come and go as files."""
