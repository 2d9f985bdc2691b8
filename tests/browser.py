"""A real browser that looks at one page: what runs, what is asked for, how wide it is."""

import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_BROWSER = [
    pytest.mark.real,
    pytest.mark.skipif(CHROMIUM is None, reason="REAL BROWSER NOT TESTED: needs chromium"),
]
FRAME = """
<body><iframe id=page style="border:0;width:WIDTHpx;height:900px" src=report.html></iframe>
<pre id=out></pre>
<script>
onload = () => {
  const root = page.contentDocument.documentElement;
  out.textContent = JSON.stringify(
    {page: root.scrollWidth, window: root.clientWidth, tall: root.scrollHeight});
}
</script>
"""


@dataclass
class Site:
    """Serves one page, and keeps every other path that was asked for."""

    page: bytes = b""
    asked: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(f"{self.headers['Host'].partition(':')[0]}{self.path}")
            body = site.page if self.path == "/report" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield site
    server.shutdown()


def open_page(site: Site, page: str, *, profile: Path) -> tuple[str, str]:
    """The DOM once it has settled, and what the browser logged; any host name leads to the site."""
    assert CHROMIUM is not None
    site.page = page.encode()
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--enable-logging=stderr", "--v=0", f"--user-data-dir={profile}"),
            *(f"--host-resolver-rules=MAP * 127.0.0.1:{site.port}", "--virtual-time-budget=2000"),
            *("--ignore-certificate-errors", "--dump-dom"),
            f"http://127.0.0.1:{site.port}/report",
        ],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    return done.stdout, done.stderr


def console_lines(log: str) -> list[str]:
    return [line for line in log.splitlines() if ":CONSOLE" in line]


def asked_by_page(site: Site) -> list[str]:
    """The browser asks its maker's hosts for things of its own."""
    own = {"127.0.0.1/report", "127.0.0.1/favicon.ico"}
    return [
        asked
        for asked in site.asked
        if asked not in own and asked.startswith(("127.0.0.1/", "evil.example/"))
    ]


def measure_page(directory: Path, page: str, *, width: int) -> dict[str, int]:
    """From outside, in a frame: the page itself can run no script."""
    (directory / "report.html").write_text(page, encoding="utf-8")
    (directory / "frame.html").write_text(FRAME.replace("WIDTH", str(width)))
    assert CHROMIUM is not None
    dom = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            "--window-size=1400,1000",
            *(f"--user-data-dir={directory / 'profile'}", "--allow-file-access-from-files"),
            *("--virtual-time-budget=2000", "--dump-dom", f"file://{directory}/frame.html"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    ).stdout
    measured: dict[str, int] = json.loads(re.findall(r'<pre id="out">(.*?)</pre>', dom)[0])
    return measured
