"""Slack: events, commands and buttons on the way in, posts and updates on the way out."""
