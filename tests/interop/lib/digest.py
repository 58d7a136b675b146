"""Digest authentication (RFC 7616), as phones answer challenges."""

import hashlib
import re

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def nonce_of(challenge):
    """The nonce of a WWW-Authenticate line."""
    found = re.search(r'nonce="([^"]+)"', challenge)
    return found[1] if found else ""


def answer(challenge, user, password, method, uri, algorithm="SHA-256"):
    """What stands in Authorization after that WWW-Authenticate line."""

    def hashed(text):
        return HASHES[algorithm](text.encode()).hexdigest()

    realm, nonce = re.search(r'realm="([^"]*)"', challenge)[1], nonce_of(challenge)
    first, second = hashed(f"{user}:{realm}:{password}"), hashed(f"{method}:{uri}")
    response = hashed(f"{first}:{nonce}:00000001:c0ffee:auth:{second}")
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", algorithm={algorithm}, '
        'qop=auth, nc=00000001, cnonce="c0ffee"'
    )
