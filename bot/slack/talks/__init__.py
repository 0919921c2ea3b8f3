"""Conversations in Slack: their threads, the handles on them, who waits."""
