"""
Finds credentials in text and in JSON: by their shape, or by the name that they are assigned to. Pure.

One finder serves the net over everything that is printed and the check of manifests, so both agree. References to a
value (``$PASSWORD``, ``[parameters('password')]``), empty values and placeholders are no credentials.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.json.template import strict_json
from reconciler.secret.invisible import Bare
from reconciler.secret.late import late
from reconciler.secret.sensitive_names import is_broad_name, is_plain, is_secret_name, is_strong_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.values import FieldPath


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """
    Where a credential is in a text.

    Attributes:
        what: A noun phrase for it, with its article.
    """

    start: int
    end: int
    what: str


def spans(text: str) -> Sequence[Span]:
    """Return every credential in *text*, in order; none overlaps another."""
    if len(text) < _SHORTEST:
        return ()
    return _remembered(text) if len(text) <= _REMEMBERED else _spans(text)


_SHORTEST: Final = 6
_REMEMBERED: Final = 16 * 1024
"""Maximum length of texts whose result is cached: manifests repeat their texts."""


@lru_cache(maxsize=2048)
def _remembered(text: str) -> Sequence[Span]:
    return _spans(text)


_ESCAPED_BREAK: Final = late(r"\\+[nrt]")


def _broken(found: re.Match[str]) -> str:
    """Return a line end of the same length, after the backslash that continues a line."""
    is_continued = len(found[0]) > 3  # noqa: PLR2004 (a backslash, escaped, before a line end, escaped)
    return " " * (len(found[0]) - 1 - is_continued) + "\\" * is_continued + "\n"


def _spans(text: str) -> Sequence[Span]:
    bare = Bare(text)
    found = _shaped(bare.text)
    return found if bare.text is text else tuple(Span(*bare.span(each.start, each.end), each.what) for each in found)


def _shaped(text: str) -> Sequence[Span]:
    if "\\" in text:  # in JSON and in Python's repr, a line ends with two characters or more
        text = _ESCAPED_BREAK.sub(_broken, text)
    lower = text.lower()
    found = [span for needs, find in _FINDERS if _has_all(lower, needs) for span in find(text) if span.start < span.end]
    kept: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
        elif span.end > kept[-1].end:
            kept[-1] = Span(kept[-1].start, span.end, kept[-1].what)
    return tuple(kept)


# Every text that is printed comes by here: loops cost half of what generators do.
def _has_all(lower: str, needs: _Needs) -> bool:
    for marks in needs:  # noqa: SIM110
        if not _has_any(lower, marks):
            return False
    return True


def _has_any(text: str, marks: Sequence[str]) -> bool:
    for mark in marks:  # noqa: SIM110
        if mark in text:
            return True
    return False


# ------------------------------------------------------------------------------------------------------------ shapes

_END: Final = r"\s\"'<>`\\\x00-\x1f"
"""Characters that end a value in a script, in JSON, in HTML and in Markdown."""
_USER: Final = late(
    rf"\b[a-z][a-z0-9+.-]{{1,20}}:(?:\\*/){{2}}(?P<user>[^{_END}/?#@:]{{0,200}})"
    rf"(?::(?P<password>[^{_END}/?#@]{{1,300}}))?@(?=[\w\[])",
    re.IGNORECASE,
)
_ODD_USER: Final = late(
    rf"\b[a-z][a-z0-9+.-]{{1,20}}://[^{_END}/?#@:]{{1,200}}:(?P<password>(?![0-9]*[/?#])[^{_END}@]{{1,300}})@(?=[\w\[])",
    re.IGNORECASE,
)
_ENCODED_USER: Final = late(
    r"%(?:25)*3a(?:%(?:25)*2f){2}(?P<password>[\w.~-]{0,100}%(?:25)*3a[\w.~%+-]{1,300}?)%(?:25)*40", re.IGNORECASE
)
_LONG_USER: Final = 16
"""Characters from which a user name without password is a token: ``https://contoso@dev.azure.com`` is no token."""


def _users(text: str) -> Iterator[Span]:
    what = "a password in a URL"
    for pattern in (_USER, _ODD_USER, _ENCODED_USER):
        for found in pattern.finditer(text):
            groups = found.groupdict()
            password, user = groups["password"], groups.get("user")
            if password is not None and not is_plain(password):
                yield Span(found.start("user" if user is not None else "password"), found.end("password"), what)
            elif password is None and user and not is_plain(user) and _is_token(user):
                yield Span(found.start("user"), found.end("user"), what)


def _is_token(user: str) -> bool:
    return len(user) >= _LONG_USER and any(char.isdigit() for char in user)


_LINE_END: Final = r"(?:\r?\n|(?:\\+r)?\\+n|&\#1[03];)"
_BEGIN: Final = late(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_CUT: Final = late(
    rf"(?:(?:{_LINE_END}|[\s\"'+>|,`-])+(?:[A-Za-z0-9+/]{{16,}}={{0,2}}|[A-Z][\w-]+: [\w,-]+))*"
    rf"(?:(?:{_LINE_END}|[\s\"'+>|,`-])+[A-Za-z0-9+/]{{4,}}={{1,2}})?"
)
"""The rest of a key whose end is not there."""
_END_MARK: Final = late(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")
_CODE: Final = late(r"[A-Za-z0-9+/]+={0,2}\Z")
_FULL_LINE: Final = 40
_LONGEST_KEY: Final = 16_000
_LINE_ENDS: Final = late(_LINE_END)
_EDGE: Final = " \t\"'`,;>|\\"


def _keys(text: str) -> Iterator[Span]:
    """Yield the lines of private keys, each by itself, so that a text keeps its lines."""
    for start, end in _bodies(text):
        at = start
        for line_end in (*(found.span() for found in _LINE_ENDS.finditer(text, start, end)), (end, end)):
            line = text[at : line_end[0]]
            bare = line.strip(_EDGE)
            if bare and not is_plain(bare):
                yield Span(at + line.find(bare), at + line.find(bare) + len(bare), "a private key")
            at = line_end[1]


def _bodies(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the content of each key is, also of one whose other end is not in the text."""
    begins = list(_BEGIN.finditer(text))
    ends = [found.start() for found in _END_MARK.finditer(text)]
    for number, begin in enumerate(begins):
        following = begins[number + 1].start() if number + 1 < len(begins) else len(text)
        at = bisect_left(ends, begin.end())
        if at < len(ends) and ends[at] <= following:
            yield begin.end(), ends[at]
        elif rest := _CUT.match(text, begin.end()):
            yield rest.span()
    starts = [begin.start() for begin in begins]
    for number, end in enumerate(ends):
        before = starts[at - 1] if (at := bisect_left(starts, end)) else -1
        if before < (ends[number - 1] if number else 0) or before == -1:
            yield _tail(text, end), end


def _tail(text: str, end: int) -> int:
    """Return where the lines begin that a key ends with: all of them are long, except the last."""
    start, least = end, 1
    lines = list(_LINE_ENDS.finditer(text, max(0, end - _LONGEST_KEY), end))
    for number in range(len(lines) - 1, -1, -1):
        at = lines[number - 1].end() if number else max(0, end - _LONGEST_KEY)
        bare = text[at : lines[number].start()].strip(_EDGE)
        found = _CODE.search(bare)
        if found is None or len(found[0]) < least:
            return start
        start = at + text[at:end].find(found[0])
        if len(found[0]) < len(bare):
            return start
        least = _FULL_LINE
    return start


_TOKEN: Final = late(
    r"""
    gh[opsur]_[A-Za-z0-9]{16,} | github_pat_\w{20,}
    | gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|agent|imt|oas|ffct)-[\w.-]{16,}
    | (?<![A-Za-z0-9/+])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}(?![A-Za-z0-9/+])
    | xox[a-z]-(?:[\w-]{10,}) | xapp-[\w-]{16,}
    | (?<=hooks\.slack\.com/services/)[\w/]{20,} | (?<=discord\.com/api/webhooks/)[\w/-]{20,}
    | (?<=webhook\.office\.com/webhookb2/)[\w/@-]{20,} | (?<!\w)tskey-[\w-]{16,}
    | (?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{8,}
    | (?<!\w)AIza[\w-]{30,}
    | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{30,} | dckr_(?:pat|oat)_[\w-]{16,} | dop_v1_[0-9a-f]{32,} | hf_[A-Za-z]{30,}
    | (?<!\w)hv[sb]\.[\w-]{20,} | (?<!\w)dapi[0-9a-f]{32}(?!\w) | whsec_[A-Za-z0-9+/=]{16,}
    | (?<!\w)[rs]k_(?:live|test)_[A-Za-z0-9]{16,} | (?<!\w)sk-(?:[a-z0-9]+-)*[\w-]{20,}
    | (?<!\w)SG\.[\w-]{16,}\.[\w-]{16,} | AGE-SECRET-KEY-1[A-Z0-9]{20,}
    """,
    re.VERBOSE,
)
_TOKEN_MARKS: Final = (
    *("gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt", "glcbt-", "glptt-", "glft-"),
    *("glsoat-", "glagent-", "glimt-", "gloas-", "glffct-", "AKIA", "ASIA", "ABIA", "ACCA", "xox", "xapp-", "Q~"),
    *("AIza", "discord.com/api", "webhook.office.com", "tskey-", "hooks.slack.com", "npm_", "pypi-", "dckr_"),
    *("dop_v1_", "hf_", "hvs.", "hvb.", "dapi", "whsec_", "k_live_", "k_test_", "sk-", "SG.", "AGE-SECRET-KEY-"),
)
"""As they are written: the case of a token counts."""
_LONG_TOKEN: Final = late(
    r"""
    (?<![A-Za-z0-9])[A-Za-z0-9]{70,80}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])
    | (?<![A-Za-z0-9+/])[A-Za-z0-9+/]{70,80}\+?
      (?:AStT?|ACDb|ABa|AIoT|ASb|AEh|ARm)[A-Za-z0-9+/]{4,8}={0,2}(?![A-Za-z0-9+/=])
    """,
    re.VERBOSE,
)
_LONG_TOKEN_MARKS: Final = ("AZDO", "ASt", "ACDb", "ABa", "AIoT", "ASb", "AEh", "ARm")
_SHORTEST_LONG_TOKEN: Final = 77


def _tokens(text: str) -> Iterator[Span]:
    for pattern, marks, least in (
        (_TOKEN, _TOKEN_MARKS, _SHORTEST),
        (_LONG_TOKEN, _LONG_TOKEN_MARKS, _SHORTEST_LONG_TOKEN),
    ):
        if len(text) < least or not _has_any(text, marks):
            continue
        for found in pattern.finditer(text):
            if len(set(found[0][6:])) > 3:  # noqa: PLR2004 (ghp_xxxx is an example)
                yield Span(found.start(), found.end(), "a token")


# --------------------------------------------------------------------------------------------------- commands, headers

_USER_OPTION: Final = late(
    r"\s(?:--(?:proxy-)?user[ =]|-[A-Za-z]{0,8}[uU] ?)"
    r"(?:\\*[\"'])?[^\s:\"'\\]{1,200}:(?P<value>[^\s\"'`\\]{1,300})"
)
_FETCHES: Final = late(r"\b(?:curl|wget|http)\b")
_LONGEST_COMMAND: Final = 600
_HEADER: Final = late(
    r"(?<![\w-])(?:(?:proxy-)?authorization|x-[a-z0-9-]{0,40}(?:key|token|secret|password)|(?:private|job|deploy)-token"
    r"|api-?key|ocp-apim-subscription-key|(?:set-)?cookie)(?:\\*[\"'])?\s*(?P<op>:|=>?|,)\s*(?:\\*[\"'])?"
    r"(?:(?P<scheme>basic|bearer|token|apikey|api-key|digest|sharedkey\w*|negotiate|key)\s+)?"
    rf"(?P<value>[^{_END}@]+)",
    re.IGNORECASE,
)
_SPOKEN: Final = late(
    r"(?<!\w)(?:convertto-securestring\s+(?:-(?:asplaintext|force)\s+){0,2}(?:-string\s+)?|sshpass\s+-p\s*"
    r"|net1?(?:\.exe)?\s+(?:user\s+[\w.-]+\s+|use\s[^\n]{0,200}?(?:\s/user:[^\s]{1,100}|\s\\\\[^\s]{1,200}(?=\s+[^/\s]))\s+)"
    r"|vault\s+(?:login|token\s+(?:renew|revoke|lookup))\s+(?:-[\w-]+(?:=[^\s]{1,100})?\s+){0,6}(?=[^\s=]*(?-i:[A-Z0-9.]))"
    r"|openssl\s[^\n]{0,200}?\spass:|sc(?:\.exe)?\s[^\n]{0,200}?\spassword=\s+"
    r"|(?:--passphrase-fd\s+0|--(?:password-)?stdin|--with-token)\s*<<<\s*)"
    rf"(?P<quote>\\*[\"'])?(?P<value>[^{_END}]+)",
    re.IGNORECASE,
)


_SET: Final = late(
    r"(?<![\w-])(?:setx(?:\s+/m)?\s|env\s|set-item(?:\s+-path)?\s+[\"']?env:|machine\s[^\n]{1,200}?\s(?=password)"
    r"|setenvironmentvariable\(\s*[\"']?)\s*(?P<name>[A-Za-z_][\w.-]{0,60})(?:\\*[\"'])?"
    r"(?:[ \t]*,\s*|[ \t]+(?:-value[ \t]+)?)"
    rf"(?:\\*[\"'])?(?P<value>[^{_END}=,)]+)",
    re.IGNORECASE,
)
_LOGIN: Final = late(
    rf"\b(?:(?:docker|podman|az|helm|oc)\b[^\n]{{0,80}}?\slogin\b[^\n]{{0,200}}?\s-p(?:\s+|=)"
    r"|mysql\w*\b[^\n]{0,200}?\s-p(?=\S)"
    r"|(?:[pP]s[eE]xec(?:64)?|certutil|useradd|usermod|signtool)\b[^\n]{0,200}?\s[-/]p\s+"
    r"|redis-cli\s[^\n]{0,200}?-a\s+|ldap\w+\s[^\n]{0,200}?-w\s+|schtasks(?:\.exe)?\s[^\n]{0,200}?\s/[rR][pP]\s+"
    r"|smbclient\s[^\n]{0,200}?-U\s*[^\s%]{1,100}%|ipmitool\s[^\n]{0,200}?\s-P\s+|openssl\s+enc\s[^\n]{0,200}?\s-k\s+)"
    rf"(?:\\*[\"'])?(?P<value>[^{_END}]+)"
)
_PIPED: Final = late(
    rf"\becho\s+(?:-n\s+)?(?:\\*[\"'])?(?:(?:[\w.-]+:)?(?P<value>[^{_END}|]+))(?:\\*[\"'])?\s*\|"
    r"\s*(?:sudo\s+)?(?:chpasswd|passwd\s+--stdin|sudo\s+-S|[^|\n]{0,120}--(?:password-stdin|with-token))"
)


def _variables(text: str) -> Iterator[Span]:
    for found in _SET.finditer(text):
        if is_secret_name(found["name"]) and not is_plain(found["value"], found["name"]):
            yield Span(found.start("value"), found.end("value"), f"a value for `{found['name']}`")


def _fetches(text: str) -> Iterator[Span]:
    if len(text.split(maxsplit=1)) < 2:  # noqa: PLR2004 (a link alone is no command)
        return
    for found in _USER_OPTION.finditer(text):
        before = text[max(0, found.start() - _LONGEST_COMMAND) : found.start()].replace("\\\n", " ").rpartition("\n")[2]
        if _FETCHES.search(before) and not is_plain(found["value"]) and not found["value"].isdecimal():
            yield Span(found.start("value"), found.end("value"), "a password in a command")


def _in_command(pattern: re.Pattern[str]) -> Callable[[str], Iterator[Span]]:
    """Return the finder of the passwords that *pattern* captures."""

    def find(text: str) -> Iterator[Span]:
        for found in pattern.finditer(text):
            value = found["value"]
            if not is_plain(value) and not value.startswith(("-", "/")) and not (value.isdecimal() and len(value) < 6):  # noqa: PLR2004
                yield Span(found.start("value"), found.end("value"), "a password in a command")

    return find


def _headers(text: str) -> Iterator[Span]:
    for found in _HEADER.finditer(text):
        value = found["value"].rstrip(",;)}")
        is_prose = "uthorization" in found[0] and not found["scheme"] and found["op"] == ":" and value.isalpha()
        if is_plain(value) or is_prose or value.lower() in {"basic", "bearer", "token"}:
            continue
        yield Span(found.start("value"), found.start("value") + len(value), "a credential in a header")


# ----------------------------------------------------------------------------------------------------- names and values

_KEYWORD: Final = late(
    r"(?:password|passwd|passphrase|pwd|pw|pass|secret|token|key|pat|sas|auth|credential|cred)s?[_-]?\d{0,3}"
    r"(?:[_-]?(?:value|text|plain|base64|b64|base))?(?![a-z0-9_]|(?-i:[A-Z]))",
    re.IGNORECASE,
)
_BEFORE: Final = late(r"[\w.-]*\Z")
_ASSIGNS: Final = late(
    r"(?:\\*[\"']|\]|\}|&quot;)*(?P<spaced>\s*)(?P<op>:=|=>|=(?!=)|:(?![/:])|%(?:25)*3d|\\+u003d|&(?:\#61|\#x3d|equals);)"
    r"(?P<after>[ \t]*)",
    re.IGNORECASE,
)
_INSIDE: Final = late(
    r"(?:\\*[\"'])?\s*:\s*\{[^{}]{0,400}?\\*[\"'](?:default|secure)?value\\*[\"']\s*:\s*(?=\\*[\"'])", re.IGNORECASE
)
_BESIDE: Final = late(
    r"(?:\\*[\"'])?\s*,?(?:\s|\\n)*\\*[\"']?(?:default|secure)?value\\*[\"']?\s*[:=][ \t]*", re.IGNORECASE
)
_QUOTED: Final = late(
    r"(?P<quote>\\*[\"']|&(?:quot|\#x?27|\#39|\#34);)(?P<value>(?:(?!(?P=quote))[^\n]){0,2000}?)(?=(?P=quote)|\n|\Z)"
)
_UNQUOTED: Final = late(r"(?:[^&\s\"'<>`\\\x00-\x1f;|]|\\[^\s\"'`|nrt]|&\#x?[0-9a-f]{1,6};)+")
_REST_OF_LINE: Final = late(r"[ \t]*(?:\#.*)?(?:\r?$|\\[nr]|\Z)", re.MULTILINE)
_STARTS_LINE: Final = late(r"(?:^|\n|\\n)[\s>|+\"'-]*(?:\$|export |set |\[)?\Z")
_DEFAULTED: Final = late(r"\$\{[A-Za-z_]\w*:?[-=](?P<value>[^}\s$]+)\}")
_SWITCH: Final = late(r":(?P<value>[^\s\"'<>`|]{2,300})")
"""After an option as Windows writes it: ``/password:VALUE``."""
_STARTS_SWITCH: Final = late(r"(?:^|[\s\"'])/\Z")
_PREFIX: Final = late(r"(?:[rbfu]{1,2}|@|\$)(?=\\*[\"'])", re.IGNORECASE)
"""Of a text in a program: ``r"…"``, ``@"…"``."""
_OPTION: Final = late(r"[ \t]+(?P<quote>\\*[\"']?)")
_ELEMENT: Final = late(rf"\s*>(?P<value>[^{_END}&]+)</")


def _assigned(text: str) -> Iterator[Span]:
    at = 0
    while (found := _KEYWORD.search(text, at)) is not None:
        at = found.end()
        before = _BEFORE.search(text, max(0, found.start() - 60), found.start())
        start = before.start() if before else found.start()
        name = text[start:at]
        if not is_secret_name(name):
            continue
        value = _value_of(text, name, start, at)
        if value is not None and not is_plain(text[slice(*value)], name) and not _is_code(text, name, *value):
            yield Span(*value, f"a value for `{name.lstrip('-.')}`"[:80])
        if value is not None:
            at = max(at, value[1])


_IDENTIFIER: Final = late(r"[A-Za-z_][A-Za-z_.]*[,;)}\]]*")


def _is_code(text: str, name: str, start: int, end: int) -> bool:
    """Whether a program passes a credential on: ``credential=self.credential``."""
    if text[start - 1 : start] in {'"', "'"} or name.isupper() or not is_broad_name(name):
        return False
    return _IDENTIFIER.fullmatch(text, start, end) is not None


def _value_of(text: str, name: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where the value is that the name between *start* and *end* is given."""
    if name.startswith("-") and (option := _OPTION.match(text, end)):
        value = _of_option(text, option)
        is_user = value is not None and is_broad_name(name) and ":" not in text[slice(*value)]
        return None if is_user else value  # PowerShell's -Credential takes the name of a user
    if (switch := _SWITCH.match(text, end)) and _STARTS_SWITCH.search(text, max(0, start - 2), start):
        return switch.span("value")
    for pattern in (_BESIDE, _INSIDE):
        if beside := pattern.match(text, end):
            return _plain_or_quoted(text, beside.end())
    if text[start - 1 : start] == "<" and (element := _ELEMENT.match(text, end)):
        return element.span("value")
    assigns = _ASSIGNS.match(text, end)
    if assigns is None:
        return None
    prefix = _PREFIX.match(text, assigns.end())
    at = prefix.end() if prefix else assigns.end()
    if quoted := _QUOTED.match(text, at):
        return _of_quoted(quoted)
    bare = _UNQUOTED.match(text, at)
    if bare is None:
        return None
    if defaulted := _DEFAULTED.match(text, at):
        return defaulted.span("value")
    is_close = assigns["op"] != ":" and not assigns["spaced"] and not assigns["after"]
    return bare.span() if is_close or _stands_alone(text, start, bare, assigns) else None


def _stands_alone(text: str, start: int, bare: re.Match[str], assigns: re.Match[str]) -> bool:
    """Whether a line holds a name, a value and nothing else: of prose and of programs, that is not true."""
    if not _REST_OF_LINE.match(text, bare.end()) or not _STARTS_LINE.search(text, max(0, start - 80), start):
        return False
    value = bare[0]
    return not value.isalpha() and not any(char in value for char in "([{") and bool(assigns["after"] or value)


def _of_option(text: str, option: re.Match[str]) -> tuple[int, int] | None:
    if option["quote"]:
        quoted = _QUOTED.match(text, option.start("quote"))
        return _of_quoted(quoted) if quoted else None
    bare = _UNQUOTED.match(text, option.end())
    is_word = bare is None or (bare[0].isalpha() and bare[0].islower()) or bare[0].startswith(("-", "("))
    return None if bare is None or is_word else bare.span()


def _of_quoted(quoted: re.Match[str]) -> tuple[int, int]:
    if defaulted := _DEFAULTED.fullmatch(quoted["value"]):
        start = quoted.start("value")
        return start + defaulted.start("value"), start + defaulted.end("value")
    return quoted.span("value")


def _plain_or_quoted(text: str, at: int) -> tuple[int, int] | None:
    if quoted := _QUOTED.match(text, at):
        return _of_quoted(quoted)
    bare = _UNQUOTED.match(text, at)
    return bare.span() if bare else None


_Needs: TypeAlias = Sequence[Sequence[str]]
"""For each place of a pattern, the texts of which one is there, in lower case: what lacks them has no match."""
_SETS: Final = ("setx", "env", "set-item", "machine")
_SPEAKS: Final = (
    *("securestring", "sshpass", "net ", "net\t", "net1", "net.exe", "openssl", "sc ", "sc\t", "sc.exe"),
    *("passphrase-fd", "stdin", "with-token", "vault"),
)
_LOGINS: Final = (
    *("login", "mysql", "psexec", "certutil", "useradd", "usermod", "signtool", "redis-cli", "ldap", "schtasks"),
    *("smbclient", "ipmitool", "openssl"),
)
_HEADER_NAMES: Final = ("authorization", "x-", "-token", "api-key", "apikey", "subscription-key", "cookie")
_KEYWORDS: Final = ("pass", "pwd", "pw", "secret", "token", "key", "pat", "sas", "auth", "cred")
_FINDERS: Final[Sequence[tuple[_Needs, Callable[[str], Iterator[Span]]]]] = (
    ((("@", "%40"), ("/", "2f")), _users),
    ((("private key",),), _keys),
    ((), _tokens),
    ((_SETS, _KEYWORDS), _variables),
    ((("curl", "wget", "http"), ("-",), (":",)), _fetches),
    ((_SPEAKS,), _in_command(_SPOKEN)),
    ((_LOGINS, ("-", "/")), _in_command(_LOGIN)),
    ((("echo",), ("|",), ("passwd", "sudo", "stdin", "with-token")), _in_command(_PIPED)),
    ((_HEADER_NAMES, ("authorization", "cookie", "key", "token", "secret", "password")), _headers),
    ((_KEYWORDS, ("=", ":", "3d", ">", "&", "-")), _assigned),
)


# ---------------------------------------------------------------------------------------------------------------- JSON

_GENERIC: Final = frozenset({"value", "defaultvalue", "default", "securevalue", "plaintext"})
_SAID: Final = frozenset({"label", "labels", "tooltip", "metadata", "description", "resources", "tags"})
"""Keys below which names are those of texts for people: ``label: {password: Password}`` of a form."""
_SECURE: Final = frozenset({"securestring", "secureobject"})
_NAMING: Final = frozenset({"name", "key", "type"})
"""Names whose values name or type the value beside them."""


def named_secrets(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """
    Yield the path of every value in *value* that is a credential by the name that it has, and that name.

    Args:
        value: JSON.
        path: Its place: the last steps name it.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from named_secrets(item, (*path, str(key)))
        yield from _pair_secret(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from named_secrets(item, (*path, index))
    elif (name := _name_at(path)) is not None and _is_value(value, name):
        yield path, name


def _is_value(value: Any, name: str) -> bool:
    if isinstance(value, str):
        return not is_plain(value, name)
    return isinstance(value, int) and not isinstance(value, bool) and is_strong_name(name) and value > 999  # noqa: PLR2004


def _name_at(path: FieldPath) -> str | None:
    """Return the name that marks a value as secret; None if there is none."""
    names = [step for step in path if isinstance(step, str)]
    if names and names[-1].lower() in _GENERIC:
        names.pop()
    if not names or not is_secret_name(names[-1]):
        return None
    return None if len(names) > 1 and names[-2].lower() in _SAID - {"tags"} else names[-1]


def _pair_secret(value: Mapping[str, Any], path: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    """Yield the value of ``{name: PASSWORD, value: …}``, and the default of a secure parameter."""
    folded = {key.lower(): key for key in value if isinstance(key, str)}
    name = value.get(folded.get("name", folded.get("key", "")))
    kind = value.get(folded.get("type", ""))
    is_secure = isinstance(kind, str) and kind.lower() in _SECURE
    title = name if isinstance(name, str) and is_secret_name(name) else "a secure parameter" if is_secure else None
    if title is None:
        return
    for generic in _GENERIC & folded.keys():
        key = folded[generic]
        for below in _texts(value[key], (*path, key)) if is_secure else (((*path, key), value[key]),):
            where, item = below
            if isinstance(item, str) and not is_plain(item, title) and _name_at(where) is None:
                yield where, title


def _texts(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
    else:
        yield path, value


def credentials(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """
    Yield the path of every value in *value* that is, or contains, a credential, and a noun phrase for it.

    Args:
        value: JSON; a text that is a JSON object is looked into as well.
        path: Its place: the last steps name it.
    """
    if not any(is_secret_name(str(step)) for step in path) and _is_harmless(value):
        return
    for where, name in named_secrets(value, path):
        yield where, f"a value for `{name}`" if " " not in name else f"the value of {name}"
    for where, item in _texts(value, path):
        if isinstance(item, str):
            yield from ((where, what) for what in _written(item))


def _is_harmless(value: Any) -> bool:
    """Return whether JSON surely holds no credential, without paths: nearly always, at a quarter of the cost."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            for key, item in node.items():
                if is_secret_name(str(key)) or (_is_naming(str(key)) and _may_name(item)):
                    return False
            waiting += node.values()
        elif type(node) is list:
            waiting += node
        elif type(node) is str:
            if node and (node[0] == "{" or node[0].isspace() or spans(node)):
                return False
        elif not (node is None or isinstance(node, (int, float))):
            return False
    return True


@lru_cache(maxsize=4096)
def _is_naming(key: str) -> bool:
    return key.lower() in _NAMING


def _may_name(value: Any) -> bool:
    """Return whether the value of ``name``, ``key`` or ``type`` may make a secret of the value beside it."""
    return isinstance(value, str) and (value.lower() in _SECURE or is_secret_name(value))


def _written(text: str) -> Iterator[str]:
    """Yield the credentials in a text, with the line if it has several; in a JSON object, with the path."""
    if text.lstrip().startswith("{"):
        try:
            inside = json.loads(strict_json(text))
        except (ValueError, RecursionError):  # other checks report it
            pass
        else:
            for where, what in credentials(inside):
                yield f"{what} (at {'.'.join(map(str, where))})"
            return
    for span in spans(text)[:1]:
        number = text.count("\n", 0, span.start) + 1
        yield f"{span.what} (line {number})" if "\n" in text else span.what
