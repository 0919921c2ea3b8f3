"""Twilio: webhooks on the way in, messages on the way out."""
