"""Accounts, their lines and their people, and what these see first."""
