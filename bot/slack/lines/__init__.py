"""Lines in Slack: the list, their settings, set-ups, calls and health."""
