#!/usr/bin/env python3
"""Publish posts and uploads on the blog through its forms, as a visitor who knows the token would."""

import argparse
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.parse
import uuid
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
KEEPER = Path(__file__).resolve().parent / "keeper.txt"
LIGHTHOUSE = Path(__file__).resolve().parent / "lighthouse.png"


class Refused(Exception):
    """The blog did not answer as it should."""


def main() -> int:
    arguments = parse_arguments()
    visitor = Visitor(arguments.url, verify=not arguments.insecure)
    token = os.environ.get("BLOG_TOKEN") or read_token_from_vault(arguments.host)
    try:
        posts = [
            publish_post(visitor, token, title=f"Log entry {number}", body=entry_text(number))
            for number in range(arguments.first, arguments.first + arguments.posts)
        ]
        uploads = [upload_file(visitor, token, path=path) for path in arguments.upload]
    except (Refused, OSError) as error:
        print(f"seed: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"posts": posts, "uploads": uploads}, indent=2))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="such as https://198.51.100.10")
    parser.add_argument("--posts", type=int, default=40, help="how many posts (40)")
    parser.add_argument("--first", type=int, default=1, help="number of the first post (1)")
    parser.add_argument("--upload", type=Path, nargs="*", default=[LIGHTHOUSE, KEEPER])
    parser.add_argument("--host", default="blog", help="inventory name whose token is used (blog)")
    parser.add_argument(
        "--insecure", action="store_true", help="accept the self-signed certificate"
    )
    return parser.parse_args()


def read_token_from_vault(host: str) -> str:
    """The form token as Ansible knows it; BLOG_TOKEN in the environment goes before."""
    listed = subprocess.run(
        ["ansible-inventory", "--host", host],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(listed.stdout)["vault_blog_form_token"]


class Visitor:
    """One kept-alive connection to the blog."""

    def __init__(self, url: str, *, verify: bool) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "https":
            context = ssl.create_default_context() if verify else ssl._create_unverified_context()
            self._connection = http.client.HTTPSConnection(
                parts.netloc, context=context, timeout=20
            )
        else:
            self._connection = http.client.HTTPConnection(parts.netloc, timeout=20)

    def get(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def post(self, path: str, *, body: bytes, content_type: str) -> tuple[int, str]:
        """The status and the place that the blog sends us to."""
        self._connection.request("POST", path, body=body, headers={"Content-Type": content_type})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location", "")


def publish_post(visitor: Visitor, token: str, *, title: str, body: str) -> dict[str, str]:
    form = urllib.parse.urlencode({"title": title, "body": body, "token": token}).encode()
    status, place = visitor.post(
        "/write.php", body=form, content_type="application/x-www-form-urlencoded"
    )
    if status != 303:
        raise Refused(f"the blog answered {status} to the post {title!r}")
    status, page = visitor.get(place)
    if status != 200 or title.encode() not in page:
        raise Refused(f"the post {title!r} is not shown at {place}")
    return {"title": title, "path": place}


def upload_file(visitor: Visitor, token: str, *, path: Path) -> dict[str, str]:
    content = path.read_bytes()
    boundary = uuid.uuid4().hex
    status, place = visitor.post(
        "/upload.php",
        body=multipart(boundary, token=token, name=path.name, content=content),
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    if status == 409:  # a file of this name is there: it must be the same file
        place = f"/uploads/{path.name}"
    elif status != 303:
        raise Refused(f"the blog answered {status} to the upload {path.name}")
    status, served = visitor.get(place)
    if status != 200 or served != content:
        raise Refused(f"the upload {path.name} is not served unchanged at {place}")
    return {"path": place, "sha256": hashlib.sha256(content).hexdigest()}


def multipart(boundary: str, *, token: str, name: str, content: bytes) -> bytes:
    return b"".join(
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="token"\r\n\r\n{token}\r\n'.encode(),
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode(),
            b"Content-Type: application/octet-stream\r\n\r\n",
            content,
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )


def entry_text(number: int) -> str:
    wind = ("north", "east", "south", "west")[number % 4]
    return f"Wind from the {wind}, {number % 9 + 1} Beaufort.\nThe lamp was lit at dusk & kept all night."


if __name__ == "__main__":
    sys.exit(main())
