"""Secrets of others, kept sealed: an agent's own Twilio token is never in the database as it is."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class CannotOpen(Exception):
    """It was sealed under a key that is not known any more; the message says what to do."""


class Seal:
    """Seals under the newest of these keys, opens under any of them."""

    def __init__(self, *keys: str) -> None:
        self._fernet = MultiFernet([_fernet(key) for key in keys])

    def seal(self, secret: str) -> str:
        """The secret as it may be kept."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret. Raises CannotOpen."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise CannotOpen(
                "A secret was sealed under another SECRET_KEY. "
                "Put that key into SECRET_KEY_FORMER, then run `flask reseal`."
            ) from None

    def renew(self, sealed: str) -> str:
        """The same secret, sealed under the newest key. Raises CannotOpen."""
        return self.seal(self.open(sealed))


def _fernet(key: str) -> Fernet:
    # The setting signs links too; what it seals with is derived, so neither gives away the other.
    derived = HKDF(SHA256(), 32, salt=None, info=b"partyline: sealing").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
