"""Names that mark a value as secret, and values that are never secret. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from reconciler.secret.invisible import without_invisible
from reconciler.secret.late import late

_WORDS: Final = late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TRAILING: Final = frozenset({"value", "text", "plain", "plaintext", "base64", "b", "default"})
_STRONG: Final = frozenset({"password", "passwords", "passwd", "passphrase", "secret", "secrets"})
_BROAD: Final = frozenset({"cred", "creds", "credential", "credentials"})
"""Words for a credential and as often for a way to get one, which is plain."""
_LAST: Final = _STRONG | _BROAD | {"pwd", "pw", "pass", "token", "pat", "sas", "apikey", "tokens", "psw", "auth"}
_GLUED: Final = (
    *("password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "accountkey", "privatekey"),
    *("secretkey", "sharedkey", "sharedaccesskey", "storagekey", "masterkey", "subscriptionkey", "functionkey"),
    *(
        "licensekey",
        "workspacekey",
        "enrollmentkey",
        "registrationkey",
        "activationkey",
        "authkey",
        "storepass",
        "keypass",
    ),
    *("sourcekey", "destkey", "encryptionkey", "signingkey"),
)
_KEYS: Final = frozenset(
    (
        *("api", "access", "account", "secret", "private", "shared", "storage", "master", "subscription", "function"),
        *("signing", "encryption", "admin", "ssh", "license", "workspace", "enrollment", "registration", "activation"),
        *("auth", "source", "dest"),
    )
)
_NOT: Final = (
    *("publickeytoken", "continuationtoken", "cancellationtoken", "pagetoken", "nexttoken", "skiptoken", "synctoken"),
    *(
        "x-ms-secret",
        "maxtokens",
        "mintokens",
        "numtokens",
        "totaltokens",
        "bypass",
        "oauth",
        "ispassword",
        "hassecret",
    ),
    *("usetoken", "usessecret", "requirepassword", "requirespassword"),
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether *name* ends in a word for a credential: ``proxyPassword``, ``AZP_TOKEN``; not ``passwordPolicy``."""
    words = _words(name)
    if not words or "".join(words).endswith(_NOT) or name.lower().endswith(_NOT):
        return False
    if words[-1] == "auth":
        return name.lower() in {"auth", "_auth", "rediscli_auth"}
    if words[-1] in {"key", "keys"}:
        return len(words) > 1 and words[-2] in _KEYS
    return words[-1] in _LAST or words[-1].endswith(_GLUED)


def _words(name: str) -> list[str]:
    """Return the words of a name up to the one that says what it is, in lower case."""
    words = [word.lower() for word in _WORDS.findall(without_invisible(name))]
    while words and (words[-1].isdecimal() or words[-1] in _TRAILING or words[-2:] == ["key", "base"]):
        words.pop()
    return words


def is_broad_name(name: str) -> bool:
    """Whether *name* is that of a credential, or as often of a way to get one: ``cred``, ``DB_CREDENTIALS``."""
    return not _BROAD.isdisjoint(_words(name)[-1:])


def is_strong_name(name: str) -> bool:
    """Whether *name* is that of a password, of which a number may be one too."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(words) and words[-1].endswith(tuple(_STRONG))


_REFERENCE: Final = late(
    r"""
    \$(?:\{[^}]*\}|\([^)]*\)?|(?:env|using|script|global):\w+|\w+|[\d@*?!#]|\$)["']?\)?\}?  # a shell's, PowerShell's
    | \$\w+(?:(?:\.|::|->)\w+(?:\([^)]*\))?|\[[^\]]*\])+    # a property of a variable
    | \{[A-Za-z_][\w.]*\} | \.[*+].*                       # of a format, of a search
    | %[A-Za-z_]\w*% | ![A-Za-z_]\w*!                     # that of cmd
    | \[(?!\[).*\]                                        # an expression of ARM
    | \{\{.*\}\}? | \$\{\{.*\}\} | @\{.* | \#\{.*\}\#? | @[\w.]+\(.* | __\w+__   # templates, key vault references
    | <[^<>]*>? | &lt;.*                                  # <your password>
    | \(secret.*                                          # hidden already
    | (?P<same>.)(?P=same)*                               # **** or xxxx
    """,
    re.VERBOSE | re.DOTALL,
)
_CALL: Final = late(
    r"(?:[A-Za-z_]\w*[.:]+)*[A-Za-z_][\w-]*(?:\((?:.*\)[\w.)\]]*)?|\[(?:.*\])?)"
    r"|(?:Get|New|Read|Import|Invoke|Use|ConvertTo|ConvertFrom)-[A-Z][A-Za-z]+"  # of PowerShell
    r"|(?:process|os|secrets|env|vars?|data|local)\.[\w.]+"
)
_PATH: Final = late(r"(?:\.{0,2}/|~/|[A-Za-z]:[\\/]|\\\\|file:|https?:)[^\s]*")
_NUMBER: Final = late(r"-?[0-9]{1,6}(?:\.[0-9]+)?")
_MOST_OF_A_PASSWORD: Final = 3
"""Digits of a number that is no password, such as a length or a switch."""
_BASE64: Final = late(r"[A-Za-z0-9+/]{40,}={0,2}")
_VARIABLE: Final = late(r"\$\{\w+\}|\$\([^)]*\)|\$(?:env:)?\w+|(?:bearer|basic|token)\b", re.IGNORECASE)
_WAY: Final = late(
    r"[a-z]+(?:[\ _-][a-z]+)* | [A-Za-z]*(?:Credentials?|Identity) | [\w.-]+\\[\w.$-]+ | [\w.+-]+@[\w.-]+"
    r"| [A-Z]+(?:_[A-Z]+)+ | [\w.-]+\.(?:json|xml|ya?ml|toml|ini|env|txt|pem|pfx|p12)",
    re.VERBOSE,
)
"""The value of a broad name that is no credential: a way to sign in, a class, a user, a variable, a file."""
_PLAIN_WORDS: Final = frozenset(
    (
        *("", "true", "false", "null", "none", "nil", "undefined", "yes", "no", "on", "off", "string", "securestring"),
        *("required", "optional", "enabled", "disabled", "redacted", "hidden", "masked", "placeholder", "example"),
        *("changeme", "changeit", "replaceme", "fillin", "todo", "tbd", "empty", "default", "strict", "unknown"),
        *("secureobject", "object", "bearer", "basic", "absent", "missing", "invalid", "expired", "prompt", "stdin"),
        *(
            "writeonly",
            "plaintext",
            "text",
            "int",
            "bool",
            "writable",
            "value",
            "auto",
            "generated",
            "system",
            "prefer",
        ),
    )
)
_NAMED: Final = late(
    r"(?:the|a|your|my|our|enter|insert|type|put|choose|confirm|new|old|repeat|some|admin|user|proxy|database|db|account)*"
    r"(?:password|passwd|passphrase|secret|token|apikey|key|credential)s?(?:here|name|value|goes|required|again)*"
)


def is_plain(value: str, name: str = "") -> bool:
    """Whether *value* is no credential: empty, a placeholder, or a reference to where one is."""
    text = value.strip().strip("\"'")
    if not text or _REFERENCE.fullmatch(text) or _CALL.fullmatch(text):
        return True
    if _NUMBER.fullmatch(text):
        return len(text) <= _MOST_OF_A_PASSWORD or not is_strong_name(name)
    if is_broad_name(name) and _WAY.fullmatch(text.rstrip(",;)}]")):
        return True
    if name.strip("_").lower() == "auth" and not any(char.isdigit() or char == "=" for char in text):
        return True  # a way to sign in, and no credential
    if "$" in text and not _VARIABLE.sub("", text).strip(" :"):
        return True
    bare = re.sub(r"[^a-z0-9]", "", text.lower())
    if text.isascii() and (bare in _PLAIN_WORDS or _NAMED.fullmatch(bare)):
        return True
    if _BASE64.fullmatch(text):
        return False
    return bool(_PATH.fullmatch(text)) and not (name and is_strong_name(name) and not text.lower().startswith("http"))
