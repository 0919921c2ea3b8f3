"""Slack on loopback. api.py answers our app, with a file for each family of methods; people.py and
company.py are who works there, and call our app."""
