"""The search for secrets finds them in every form in which they could leak."""

import base64
import gzip
import json
import pickle
import urllib.parse
from pathlib import Path

import pytest

from tests.oracle.canaries import find_secret

SECRET = "canary-7f3a9c-+/=secret"  # noqa: S105 - a canary, it opens nothing
RAW = SECRET.encode()
FORMS = {
    "plain": RAW,
    "in a sentence": b"password=" + RAW + b"\n",
    "hex": RAW.hex().encode(),
    "reversed": RAW[::-1],
    "percent": urllib.parse.quote(SECRET, safe="").encode(),
    "utf-16": SECRET.encode("utf-16"),
    "base64": base64.b64encode(RAW),
    "base64 behind one byte": base64.b64encode(b"x" + RAW + b"yz"),
    "base64 behind two bytes": base64.b64encode(b"xy" + RAW),
    "urlsafe base64": base64.urlsafe_b64encode(b"{" + RAW),
    "pickle in base64": base64.b64encode(pickle.dumps({"token": SECRET})),
    "gzip": gzip.compress(RAW),
    "gzip behind other bytes": b"header" + gzip.compress(b"x" * 500 + RAW),
    "gzip in base64": base64.b64encode(gzip.compress(RAW)),
    "base64 in base64": base64.b64encode(b"abc" + base64.b64encode(RAW)),
    "base64 in gzip": gzip.compress(base64.b64encode(RAW)),
}


@pytest.mark.parametrize("form", FORMS)
def test_found_as(tmp_path: Path, form: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\xff" + FORMS[form])
    assert find_secret(tmp_path, SECRET) == ["deep/file"]


def test_found_in_a_file_name(tmp_path: Path) -> None:
    name = SECRET.replace("/", "_")
    (tmp_path / name).touch()
    assert find_secret(tmp_path, name) == [f"the name {name}"]


def test_silent_where_there_is_none(tmp_path: Path) -> None:
    for form, content in FORMS.items():
        other = content.replace(RAW, b"harmless") if RAW in content else b"harmless"
        (tmp_path / form.replace(" ", "-")).write_bytes(other)
    (tmp_path / "journal").write_text(json.dumps({"text": "canary", "n": 7}))
    assert find_secret(tmp_path, SECRET) == []
