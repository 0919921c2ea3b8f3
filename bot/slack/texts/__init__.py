"""Texts in Slack: commands, the composer, templates, what waits for its time, attachments."""
