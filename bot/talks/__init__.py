"""Conversations: texts in and replies, in their Slack threads, and whose turn it is."""
