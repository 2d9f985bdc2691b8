"""Secrets are found, and what only sounds like one is not."""

import pytest

from releve.codify.secrets import find_secrets, hide_secrets, is_secret_throughout

CANARY = "S3cr3t-canary"


@pytest.mark.parametrize(
    "line",
    [
        "DB_PASSWORD={}", "db_password = {}", "password: {}", "export API_TOKEN={}", "secret={}",
        "  'password' => '{}',", '"password": "{}",', "define('DB_PASSWORD', '{}');",
        "$db_pass = '{}';", "url = https://user:{}@host.example/x", "mysql://root:{}@db/x",
        "mysqldump -p{} shop", "mysql -u root -p{}", "curl -H 'Authorization: Bearer {}'",
        "requirepass {}", "smtp_pass = {}", "aws_secret_access_key = {}", "AUTH_KEY='{}'",
        "Environment=DB_PASSWORD={}", 'Environment="API_KEY={}"', "--password={}", "# password={}",
        "app.secret={}", "spring.datasource.password={}", "PGPASSWORD={} psql", "passwd={}",
    ],
)  # fmt: skip
def test_a_secret_is_found_and_nothing_else_of_its_line(line: str) -> None:
    content = f"# a file\nname = x\n{line.format(CANARY)}\nend = y\n".encode()
    spans = find_secrets(content)
    assert CANARY.encode() in b"".join(content[start:end] for start, end in spans)
    hidden = hide_secrets(content.decode())
    assert CANARY not in hidden
    assert "name = x" in hidden
    assert "end = y" in hidden


@pytest.mark.parametrize(
    "text",
    [
        "passwd:         files systemd\ngroup:          files systemd\nshadow: files\n",
        "passwd: compat\n", "passwd: files sss\n",
        "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n",
        "password requisite pam_pwquality.so retry=3\n",
        "Package: *\nPin: release o=Debian\nPin-Priority: 500\n",
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\n",
        "server_tokens off;\nssl_session_tickets off;\n", "PasswordAuthentication=no\n",
        "password_file = /etc/app/password\n", "token = ${TOKEN}\n", "password = {{ x }}\n",
        "secret: <your secret>\n", "passwd_file=/etc/x\n", "password=\n", "token_ttl = 3600\n",
        "https://example.com/path\n", "user@example.com: x\n", "max_password_length: 128\n",
        "# The password must have eight characters\n", "auth_key_file=/etc/ssl/private/x.key\n",
        "keepalive_timeout 65;\n", "Acquire::http::Proxy \"http://proxy:3128\";\n",
    ],
)  # fmt: skip
def test_what_only_sounds_like_a_secret_is_none(text: str) -> None:
    assert [text.encode()[start:end] for start, end in find_secrets(text.encode())] == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/x", b"-----BEGIN PRIVATE KEY-----\n"),
        ("/etc/x", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"),
        ("/etc/x", b"-----BEGIN RSA PRIVATE KEY-----\n"),
        ("/root/.pgpass", b"*:*:*:u:x\n"), ("/root/.my.cnf", b""), ("/root/.netrc", b""),
        ("/etc/ssl/private/x.pem", b""), ("/etc/nginx/.htpasswd", b"u:$apr1$x\n"),
        ("/etc/wireguard/wg0.conf", b""), ("/root/.ssh/id_ed25519", b""),
    ],
)  # fmt: skip
def test_a_file_that_is_one_secret(path: str, content: bytes) -> None:
    assert is_secret_throughout(path, content)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/nsswitch.conf", b"passwd: files\n"),
        ("/etc/ssl/certs/x.pem", b"-----BEGIN CERTIFICATE-----\n"),
        ("/root/.ssh/id_ed25519.pub", b"ssh-ed25519 AAAA x\n"),
        ("/etc/apt/keyrings/acme.asc", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"),
    ],
)
def test_a_file_that_is_none(path: str, content: bytes) -> None:
    assert not is_secret_throughout(path, content)
    assert find_secrets(content) == ()
