"""The example on a real host: idempotent, open to visitors, closed to others."""

import hashlib
import ssl

import httpx
import pytest

from tests.example.blog_on_lab import Blog
from tests.example.by_hand import point_address_to, replace_instance
from tests.example.repository import REPOSITORY, read_recap

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("example"),
]

PNG = (REPOSITORY / "tools" / "lighthouse.png").read_bytes()


@pytest.fixture
def visitor(blog: Blog) -> httpx.Client:
    # Self-signed: nobody vouches for it.
    return httpx.Client(base_url=f"https://{blog.address}", verify=False, timeout=20)  # noqa: S501


def test_second_converge_changes_nothing(blog: Blog) -> None:
    assert read_recap(blog.first_converge)["changed"] > 60
    again = read_recap(blog.converge())
    assert (again["changed"], again["failed"], again["unreachable"]) == (0, 0, 0)
    assert again["ok"] > 80


def test_team_s_own_checks_pass(blog: Blog) -> None:
    assert " passed" in blog.run_checks()


def test_visitors_find_every_post_and_upload(blog: Blog, visitor: httpx.Client) -> None:
    assert len(blog.seeded["posts"]) == 40
    front_page = visitor.get("/").text
    for post in blog.seeded["posts"]:
        assert f"{post['title']}</a>" in front_page
    for upload in blog.seeded["uploads"]:
        content = visitor.get(upload["path"]).content
        assert hashlib.sha256(content).hexdigest() == upload["sha256"]


def test_plain_http_leads_to_https(blog: Blog) -> None:
    answer = httpx.get(f"http://{blog.address}/post.php?id=1")
    assert (answer.status_code, answer.headers["location"]) == (
        301,
        f"https://{blog.address}/post.php?id=1",
    )


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_nobody_publishes_without_the_token(visitor: httpx.Client, token: str | None) -> None:
    form = {"title": "Intruder", "body": "text"} | ({} if token is None else {"token": token})
    assert visitor.post("/write.php", data=form).status_code == 403
    files = {"file": ("intruder.png", PNG)}
    assert visitor.post("/upload.php", data=form, files=files).status_code == 403
    assert visitor.get("/uploads/intruder.png").status_code == 404
    assert "Intruder" not in visitor.get("/").text


def test_markup_in_a_post_is_shown_not_obeyed(blog: Blog, visitor: httpx.Client) -> None:
    hostile = "<script>alert('x')</script>\" onload=\"y"
    form = {"title": hostile, "body": hostile, "token": blog.read_secret("vault_blog_form_token")}
    answer = visitor.post("/write.php", data=form)
    assert answer.status_code == 303
    for page in ("/", answer.headers["location"]):
        text = visitor.get(page).text
        assert "&lt;script&gt;alert(&#039;x&#039;)" in text
        assert "<script" not in text
        assert '" onload="' not in text


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("page.php", b"<?php echo 1;", 415),
        ("image.php.png", b"<?php echo 1;", 415),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
        ("lighthouse.png", PNG, 409),
        ("...", PNG, 400),
    ],
)
def test_upload_is_refused(
    blog: Blog, visitor: httpx.Client, name: str, content: bytes, status: int
) -> None:
    token = {"token": blog.read_secret("vault_blog_form_token")}
    answer = visitor.post("/upload.php", data=token, files={"file": (name, content)})
    assert answer.status_code == status
    assert blog.execute("ls", "-A", "/srv/data/uploads").split() == ["keeper.txt", "lighthouse.png"]


def test_upload_s_name_leads_nowhere_else(blog: Blog, visitor: httpx.Client) -> None:
    token = {"token": blog.read_secret("vault_blog_form_token")}
    files = {"file": ("../../tls/Étrange name.png", PNG)}
    answer = visitor.post("/upload.php", data=token, files=files)
    stored = answer.headers["location"].removeprefix("/uploads/")
    assert "/" not in stored
    assert visitor.get(f"/uploads/{stored}").content == PNG
    blog.execute("rm", f"/srv/data/uploads/{stored}")


def test_nightly_job_writes_a_dump_that_holds_the_posts(blog: Blog) -> None:
    job = blog.execute("cat", "/etc/cron.d/blog-backup")
    assert "40 2 * * * root /usr/local/sbin/blog-backup" in job
    blog.execute("/usr/local/sbin/blog-backup")
    blog.execute("gzip", "--test", "/srv/backup/dumps/latest.sql.gz")
    dump = blog.execute("zcat", "/srv/backup/dumps/latest.sql.gz")
    assert all(f"'{post['title']}'" in dump for post in blog.seeded["posts"])
    assert "lighthouse.png" in blog.execute("ls", "/srv/backup/uploads").split()


def test_dump_brings_lost_posts_back(blog: Blog, visitor: httpx.Client) -> None:
    blog.execute("/usr/local/sbin/blog-backup")
    blog.execute("mariadb", "--execute", "DELETE FROM posts WHERE id = 7", "blog")
    assert visitor.get("/post.php?id=7").status_code == 404
    restore = "/usr/local/sbin/blog-restore /srv/backup/dumps/latest.sql.gz"
    refused = blog.lab.client.execute(blog.instance, ["sh", "-c", f"echo no | {restore}"])
    assert refused.exit_code != 0
    assert visitor.get("/post.php?id=7").status_code == 404
    blog.execute("sh", "-c", f"echo yes | {restore}")
    assert "Log entry 7</h1>" in visitor.get("/post.php?id=7").text


def test_certificate_names_domain_and_address(blog: Blog) -> None:
    shown = blog.execute(
        *("openssl", "x509", "-in", "/srv/data/tls/blog.crt", "-noout", "-ext", "subjectAltName")
    )
    assert f"DNS:blog.example.com, IP Address:{blog.address}" in shown


def test_volumes_carry_the_host_to_a_new_instance(blog: Blog) -> None:
    """The whole story by hand: power off, new instance, move volumes, converge, same content."""
    before = read_content(blog)
    replace_instance(blog, "blog-2")
    recap = read_recap(blog.converge())
    assert recap["failed"] == 0
    assert recap["changed"] > 60
    point_address_to(blog)
    assert read_content(blog) == before
    assert " passed" in blog.run_checks()


def read_content(blog: Blog) -> dict[str, str]:
    """What visitors see at the public address: pages, files and certificate, by checksum."""
    pages = ["/", *(post["path"] for post in blog.seeded["posts"])]
    pages += [upload["path"] for upload in blog.seeded["uploads"]]
    with httpx.Client(base_url=f"https://{blog.address}", verify=False) as visitor:  # noqa: S501 - self-signed
        content = {page: visitor.get(page).raise_for_status().content for page in pages}
    content["certificate"] = ssl.get_server_certificate((blog.address, 443)).encode()
    return {page: hashlib.sha256(seen).hexdigest() for page, seen in content.items()}
