"""X.509 certificates of the services on a machine, not those that it merely trusts."""

import base64
import binascii
import re

from releve.scan.collector.system import NotChecked
from releve.scan.collector.trees import walk

KINDS = ("certificate",)
LIVE = False

_ROOTS = (
    ("/etc/ssl", 2), ("/etc/letsencrypt/live", 1), ("/etc/nginx", 2), ("/etc/apache2", 2),
    ("/etc/postfix", 1), ("/etc/dovecot", 1), ("/etc/haproxy", 2), ("/etc/pki", 2),
    ("/etc/openvpn", 2), ("/etc/mysql", 1), ("/usr/local/share/ca-certificates", 2),
)  # fmt: skip
_SUFFIXES = (".pem", ".crt", ".cer", ".cert")
_BUNDLE = re.compile(r"\A/etc/ssl/certs/(?:ca-certificates\.crt|[0-9a-f]{8}\.\d+|java/.*)\Z")
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----(.{1,65536}?)-----END", re.DOTALL)
_NAMES = {
    "550403": "CN", "550406": "C", "550407": "L", "550408": "ST", "55040a": "O", "55040b": "OU",
    "2a864886f70d010901": "emailAddress", "0992268993f22c640119": "DC",
}  # fmt: skip
_MOST = 2000
_LARGEST = 1 << 20


def collect(system):
    for count, path in enumerate(_paths(system), 1):
        if count > _MOST:
            raise NotChecked("more than %d files" % _MOST)
        try:
            content = system.read(path, _LARGEST)
            found = describe_first(content or b"")
            if found:
                yield ("certificate", path, *found)
        except NotChecked as failure:
            yield "not_checked", "certificate:" + path, {"why": str(failure)}, {}


def describe_first(content):
    """(attributes, evidence) of the first certificate in a file; None without, or NotChecked."""
    found = _PEM.search(content)
    return _describe(found.group(1)) if found else None


def _paths(system):
    for root, depth in _ROOTS:
        for directory, _ in walk(system, root, depth):
            for name in system.names(directory):
                path = directory + "/" + name
                if not name.endswith(_SUFFIXES) or _BUNDLE.match(path):
                    continue
                # most of /etc/ssl/certs are links to what the distribution trusts
                if not (system.target(path) or "").startswith("/usr/share/ca-certificates/"):
                    yield path


def _describe(encoded):
    try:
        body = base64.b64decode(b"".join(encoded.split()))
        certificate = _children(_children(body)[0][1])
        fields = [field for field in _children(certificate[0][1]) if field[0] != 0xA0]
        serial, _, issuer, validity, subject = fields[:5]
        attributes = {
            "subject": _name(subject[1]),
            "issuer": _name(issuer[1]),
            "serial": binascii.hexlify(serial[1][:64]).decode("ascii"),
        }
        return attributes, {"expires": _time(_children(validity[1])[1])}
    except (ValueError, IndexError):
        raise NotChecked("no certificate can be read in it") from None


def _children(body):
    """(tag, content) of each element in a DER sequence."""
    found = []
    place = 0
    while place < len(body):
        tag, length = body[place], body[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(body[place : place + size], "big")
            place += size
        if place + length > len(body):
            raise ValueError("cut")
        found.append((tag, body[place : place + length]))
        place += length
    return found


def _name(body):
    words = []
    for _, part in _children(body):
        for _, pair in _children(part):
            (_, kind), (tag, value) = _children(pair)[:2]
            code = binascii.hexlify(kind[:32]).decode("ascii")
            coding = "utf-16-be" if tag == 0x1E else "utf-8"
            text = value.decode(coding, "replace")[:256]
            words.append("%s=%s" % (_NAMES.get(code, code), text))
    return ",".join(words)[:2048]


def _time(field):
    text = field[1].decode("ascii", "replace")
    if field[0] == 0x17:  # two digits of the year
        text = ("19" if text[:2] >= "50" else "20") + text
    if not re.match(r"\A\d{12}", text):
        return ""
    return "%s-%s-%sT%s:%sZ" % (text[:4], text[4:6], text[6:8], text[8:10], text[10:12])
