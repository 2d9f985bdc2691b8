from testinfra.host import Host


def test_nginx_is_enabled(host: Host) -> None:
    assert host.service("nginx").is_enabled
