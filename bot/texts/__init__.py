"""Texts out: composed, quoted, charged and sent, now or later, with what is attached."""
