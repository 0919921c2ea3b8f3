"""Credits: what texts cost, who has how many, and the proof. Knows nothing of Slack or Twilio."""
