"""Users for the tests: cheap hashes of known passwords, and what a client sends for them."""

import base64
from pathlib import Path

import bcrypt

# Always the same, for tests are named by what they are given.
_SALT = b"$2b$05$abcdefghijklmnopqrstuu"
PASSWORDS = {"alice": "wonderland", "bob": "böb"}


def hashed(password: str) -> bytes:
    return bcrypt.hashpw(password.encode(), _SALT)


HASHES = {name: hashed(password) for name, password in PASSWORDS.items()}


def credentials(name: str, password: str | None = None) -> bytes:
    """The value of Proxy-Authorization, with the right password unless another is given."""
    chosen = PASSWORDS[name] if password is None else password
    return b"Basic " + base64.b64encode(f"{name}:{chosen}".encode())


def users_file(path: Path, **hashes: bytes) -> Path:
    """A file of these users, or of all."""
    lines = (name.encode() + b":" + each + b"\n" for name, each in (hashes or HASHES).items())
    replacement = path.with_suffix(".new")
    replacement.write_bytes(b"".join(lines))
    replacement.chmod(0o600)
    return replacement.replace(path)
