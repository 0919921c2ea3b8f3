"""Twilio on loopback. api.py answers our app, with a file for each of its resources."""
