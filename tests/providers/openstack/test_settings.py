"""What a new user gets wrong in clouds.yaml: what, why, and what to do."""

from pathlib import Path

import pytest

from releve.errors import ProviderError, Refused, Unavailable
from releve.providers.openstack.cloud import OpenstackCloud
from tests.providers.openstack.cloud_double import CloudDouble, everything

FILE = "clouds.yaml"


@pytest.fixture
def clouds_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """None is read from where the one who runs the tests keeps theirs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / FILE))
    return tmp_path / FILE


def fail_to_connect(cloud: str, *, region: str = "") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        OpenstackCloud(cloud, region=region)
    return caught.value


def test_a_cloud_that_it_does_not_name(clouds_file: Path) -> None:
    clouds_file.write_text("clouds: {releve: {}, mycloud: {}}")
    error = fail_to_connect("relve")
    assert isinstance(error, Refused)
    assert error.what == "no cloud relve"
    assert error.why == f"{clouds_file} names mycloud, releve"
    assert error.remedy == "Write releve as provider.cloud, if that is meant"
    assert "add ovh there" in fail_to_connect("ovh").remedy


@pytest.mark.parametrize("text", [None, "clouds: [", ""])
def test_no_file_or_none_that_can_be_read(clouds_file: Path, text: str | None) -> None:
    if text is not None:
        clouds_file.write_text(text)
    error = fail_to_connect("releve")
    assert error.what == "no cloud releve"
    assert "clouds.yaml" in error.why
    assert "Write an entry releve" in error.remedy or "add releve there" in error.remedy


def test_an_application_credential_without_its_auth_type(clouds_file: Path) -> None:
    auth = "{auth_url: 'http://127.0.0.1:9/v3', application_credential_id: a,"
    text = f"clouds: {{releve: {{auth: {auth} application_credential_secret: b}}}}}}"
    clouds_file.write_text(text)
    error = fail_to_connect("releve")
    assert "does not fit its auth_type" in error.why
    assert "v3applicationcredential" in error.remedy


@pytest.mark.parametrize("status", [401, 404])
def test_a_credential_that_is_refused(clouds_file: Path, status: int) -> None:
    with CloudDouble(everything, sign_in_status=status) as double:
        double.write_settings(clouds_file)
        error = fail_to_connect("double")
    assert isinstance(error, Refused)
    assert "does not let us in" in error.why
    assert "credential in clouds.yaml" in error.remedy


def test_a_region_that_the_catalogue_does_not_have(clouds_file: Path) -> None:
    with CloudDouble(everything) as double:
        double.write_settings(clouds_file, region_name="R9")
        error = fail_to_connect("double")
    assert "no such service in this region" in error.why
    assert "region_name in clouds.yaml" in error.remedy


def test_nobody_there_is_told_in_one_sentence(clouds_file: Path) -> None:
    with CloudDouble(everything) as double:
        double.write_settings(clouds_file)
    error = fail_to_connect("double")
    assert isinstance(error, Unavailable)
    assert error.why.endswith(": [Errno 111] Connection refused")
    assert "HTTPConnectionPool" not in error.why
