"""The bridge between Twilio and Slack: what the product does, and its doors to the outside."""
