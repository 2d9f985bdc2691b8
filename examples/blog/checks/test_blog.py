"""What must hold on the blog's instance, whichever one it is."""

import pytest

DATA = "/srv/data"


@pytest.mark.parametrize("mount", [DATA, "/srv/backup"])
def test_volumes_are_mounted(host, mount):
    assert host.mount_point(mount).exists


def test_database_writes_to_the_data_volume(host):
    asked = host.check_output("mariadb --batch --skip-column-names --execute 'SELECT @@datadir'")
    assert asked.rstrip("/") == f"{DATA}/mysql"


@pytest.mark.parametrize(("path", "user"), [("mysql", "mysql"), ("uploads", "blog")])
def test_data_belongs_to_its_service(host, path, user):
    assert host.file(f"{DATA}/{path}").user == user
    # MariaDB's own upgrade check leaves one note as root.
    strangers = host.check_output(f"find {DATA}/{path} ! -user {user} ! -name mysql_upgrade_info")
    assert strangers == ""


def test_every_upload_is_backed_up_or_newer_than_the_last_dump(host):
    missing = host.check_output(
        f"find {DATA}/uploads -type f ! -newer /srv/backup/dumps/latest.sql.gz -printf '%f\\n' |"
        " while read -r name; do"
        ' [ -e "/srv/backup/uploads/$name" ] || echo "$name";'
        " done"
    )
    assert missing == ""


def test_private_key_is_closed_and_fits_the_certificate(host):
    assert host.file(f"{DATA}/tls/blog.key").mode == 0o600
    of_key = host.check_output(f"openssl pkey -in {DATA}/tls/blog.key -pubout")
    of_certificate = host.check_output(f"openssl x509 -in {DATA}/tls/blog.crt -noout -pubkey")
    assert of_key == of_certificate


@pytest.mark.parametrize("name", ["nginx", "mariadb", "php-fpm", "nftables", "rsyslog"])
def test_service_is_up(host, name):
    assert host.service(name).is_running


def test_database_starts_only_on_the_data_volume(host):
    assert f"AssertPathIsMountPoint={DATA}" in host.check_output("systemctl cat mariadb")


@pytest.mark.parametrize("port", [22, 80, 443])
def test_port_is_open(host, port):
    assert host.socket(f"tcp://0.0.0.0:{port}").is_listening


def test_database_is_not_open_to_the_world(host):
    assert host.socket("tcp://127.0.0.1:3306").is_listening
    assert not host.socket("tcp://0.0.0.0:3306").is_listening


def test_firewall_refuses_what_is_not_named(host):
    rules = host.check_output("nft list chain inet filter input")
    assert "policy drop" in rules
    assert "22, 80, 443" in rules


@pytest.mark.parametrize("name", ["anne", "marc", "deploy"])
def test_account_logs_in_by_key_only(host, name):
    keys = host.file(f"/home/{name}/.ssh/authorized_keys")
    assert keys.contains(f"{name}@example.com")
    assert host.user(name).password in {"!", "*"}


def test_kernel_settings_are_loaded(host):
    assert host.sysctl("net.core.somaxconn") == 1024
    assert host.sysctl("net.ipv4.tcp_keepalive_time") == 600
