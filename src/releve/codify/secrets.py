"""Which bytes of a file are secret; precise enough that nsswitch, PAM and apt pins are none."""

import math
import re
from collections import Counter
from typing import Final

_PRIVATE_KEY: Final = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rb"|PuTTY-User-Key-File-\d|AGE-SECRET-KEY-1"
)
# Files whose format is known to hold passwords, whatever their lines look like.
_SECRET_PATHS: Final = re.compile(
    r"(?:^|/)(?:\.pgpass|\.my\.cnf|\.netrc|\.htpasswd|htpasswd|id_(?:rsa|dsa|ecdsa|ed25519)"
    r"|\.git-credentials|\.docker/config\.json|chap-secrets|pap-secrets|krb5\.keytab|sasl_passwd)$"
    r"|^/etc/(?:ssl/private|wireguard|openvpn/.*\.key)/|\.(?:key|p12|pfx|jks|keytab)$"
)
_WORD: Final = (
    rb"(?:[A-Za-z0-9]{1,30}[._-]){0,5}[A-Za-z0-9]{0,20}?(?:password|passwd|passphrase|passwort|pwd"
    rb"|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|encryption[_-]?key"
    rb"|credentials?|auth[_-]?key|[._-]pass|[._-]pw|dsn)"
    rb"(?:[._-](?:key|id|base|value|default|string))?"
)
_ASSIGNED: Final = re.compile(
    rb"(?im)^(?P<head>[ \t]*(?:[#;]+[ \t]*)?(?:export[ \t]+|set[ \t]+|define\([ \t]*|\$"
    rb"|-[ \t]+|Environment=\"?|password-)?[\"']?(?:"
    + _WORD
    + rb"|pass|pw)[\"']?[ \t]*(?:\)|,|:=|=>|=|:)[ \t]*[\"']?)"
    rb"(?P<value>[^\r\n\"']{3,})"
)
_QUOTED_SECRET: Final = re.compile(
    rb"(?i)(?P<head>[\"'](?:" + _WORD + rb")[\"'][ \t]*(?:=>|:|,)[ \t]*[\"'])"
    rb"(?P<value>[^\r\n\"']{3,})"
)
_OPTION: Final = re.compile(
    rb"(?i)(?P<head>--(?:" + _WORD + rb")(?:=|[ \t]+)[\"']?|\bAuthorization:[ \t]*\w+[ \t]+"
    rb"|\brequirepass[ \t]+|\bmasterauth[ \t]+|\bMYSQL_PWD=[\"']?|\bPGPASSWORD=[\"']?"
    rb"|\bmysql(?:dump|admin)?\b[^\r\n|;]{0,200}?[ \t]-p)(?P<value>[^\s\"']{3,})"
)
_URL: Final = re.compile(
    rb"(?P<head>\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,100}:)(?P<value>[^\s/@\"']{1,200})(?=@)"
)
_TOKEN: Final = re.compile(
    rb"(?P<head>\b)(?P<value>gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    rb"|xox[abpr]-[\w-]{10,}|AKIA[0-9A-Z]{16}|[rs]k_live_\w{10,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+"
    rb"|\$(?:1|2[aby]|5|6|7|y|apr1)\$[A-Za-z0-9./$,=]{20,})"
)
# What stands where a secret would, without being one.
_PLACEHOLDER: Final = re.compile(
    rb"(?i)(?:no|yes|true|false|none|null|nil|off|on|required|requisite|sufficient|optional"
    rb"|include|substack|prohibit-password|env|prompt|ask|changeme|\d{1,4}|x{3,}|\*{3,})\W*"
    rb"|(?:(?:files|compat|systemd|sss|ldap|nis|winbind|db|\[[^\]]*\])[ \t]*)+"
    rb"|\$\{?\w+\}?;?|\$\(.*|\{\{.*|<.*>|%[a-z(%].*|~/.*"
    rb"|/(?:etc|run|var|usr|srv|home|opt|dev|tmp|root|proc|sys|bin)/.*",
    re.DOTALL,
)
# Key names in which the telling word says something else.
_HARMLESS: Final = re.compile(
    rb"(?i)(?:permitrootlogin|passwordauthentication|permitemptypasswords|kbdinteractive\S*"
    rb"|password_?(?:file|hash|len\w*|min\w*|max\w*|expire\w*|policy\w*|command|algorithm)"
    rb"|tokens?_?(?:type|ttl|url|expire\w*|endpoint)|server_tokens|ssl_session_tickets)\b"
)
_PATTERNS: Final = (_ASSIGNED, _QUOTED_SECRET, _OPTION, _URL, _TOKEN)


def is_secret_throughout(path: str, content: bytes) -> bool:
    """A private key, or a file that is made of passwords: nothing of it may be read in git."""
    return bool(_PRIVATE_KEY.search(content) or _SECRET_PATHS.search(path))


def find_secrets(content: bytes) -> tuple[tuple[int, int], ...]:
    """Spans of the secret values, in order, none within another."""
    spans = [
        (match.start("value"), match.start("value") + _length(match["value"]))
        for pattern in _PATTERNS
        for match in pattern.finditer(content)
        if _is_secret(match["head"], match["value"])
    ]
    return _merge(sorted(spans))


def hide_secrets(text: str) -> str:
    """For what is shown: the same text with … where a secret stands."""
    content = text.encode("utf-8", "surrogateescape")
    for start, end in reversed(find_secrets(content)):
        content = content[:start] + "…".encode() + content[end:]
    return content.decode("utf-8", "surrogateescape")


def _is_secret(head: bytes, value: bytes) -> bool:
    stripped = value.strip()
    if len(stripped) < 3 or _PLACEHOLDER.fullmatch(stripped):
        return False
    if _HARMLESS.search(head.strip(b" \t=:\"'$,")):
        return False
    is_quoted = head.endswith((b'"', b"'"))
    is_comment = head.lstrip().startswith((b"#", b";"))
    return is_quoted or b" " not in stripped or not (is_comment or _entropy(stripped) < 3.0)


def _length(value: bytes) -> int:
    """Without the blanks, the semicolon or the bracket that end a line."""
    return len(re.sub(rb"[ \t]*(?:\)?[;,])?[ \t]*$", b"", value))


def _entropy(value: bytes) -> float:
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


def _merge(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
