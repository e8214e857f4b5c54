"""Addresses as they may be written down: without what opens a door."""

import contextlib
import re
from urllib.parse import unquote, urlsplit

_HIDDEN = "***"
# Whatever stands before the @ of a host. An address of the web has it before its first slash; its
# path may hold another. Where there is none, and in other addresses, a password may hold slashes
# and more of them, as databases take it, and goes up to the last @ that there is. Only behind a
# host of the web, by its dot, are a number and a slash a port and the beginning of a path.
# Everything has a greatest length: without, the time for a text of one long word is its square.
_USER = re.compile(
    r"""
    (\w[\w+.-]{0,40}://)
    (?: (?: (?<=http://) | (?<=https://) ) [^\s/]{0,4000}@
      | (?! (?: (?<=http://) | (?<=https://) )
            (?: localhost | [^\s/@:]{0,400} \. [^\s/@:]{0,400} ) :\d{1,5}/ )
        [^\s/@:]{0,400} : \S{0,4000}@
      | [^\s/]{0,4000}@
    )?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUERY = re.compile(
    r"([?&;#][\w.~%+-]{0,40}"
    r"(?:token|passw|pwd|secret|key|credential|auth|sig|session)[\w.~%+-]{0,40}=)[^\s&;#'\"]+",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text, its addresses without user names, passwords and tokens.

    A user name and a password are left out; so that a reader can see that there was one, the
    value of a query that is called a token, a key or the like becomes `***`.
    """
    return _QUERY.sub(rf"\1{_HIDDEN}", _USER.sub(r"\1", text))


def hidden(text: str, address: str) -> str:
    """What is said of an address, such as by an error that quotes a part of it, masked.

    Its user name and its password are hidden wherever they stand, as written or decoded.
    """
    text = masked(text.replace(address, masked(address)))
    with contextlib.suppress(ValueError):  # what is no address holds none
        parts = urlsplit(address)
        for secret in (parts.password, parts.username if parts.password is None else None):
            if secret:
                text = text.replace(secret, _HIDDEN).replace(unquote(secret), _HIDDEN)
    return text
