"""Contacts: an account's address book, who may be texted and when, and lists in and out."""
