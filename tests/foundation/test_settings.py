"""Settings: one sentence for each wrong variable, and secrets that never print."""

import pytest

from foundation.errors import BadRequest
from foundation.settings import Settings


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ONECODE_PORT", "80000", "whole number from 0 to 65535"),
        ("ONECODE_PORT", "http", "whole number"),
        ("ONECODE_DATABASE_URL", "sqlite:///x.db", "must begin with postgresql://"),
        ("ONECODE_MASTER_KEY", "abc", "64 hexadecimal digits"),
        ("ONECODE_TIME_ZONE", "Peking", "not a time zone"),
        ("ONECODE_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("ONECODE_SMS", "pigeon", "folder, aliyun or empty"),
    ],
)
def test_a_wrong_variable_is_named(variable, value, says):
    with pytest.raises(BadRequest, match=says) as refused:
        Settings.from_environment({variable: value})
    assert variable in refused.value.detail


def test_secrets_print_as_stars():
    settings = Settings.from_environment(
        {"ONECODE_DATABASE_URL": "postgresql://u:hunter2@h/d", "ONECODE_MASTER_KEY": "ab" * 32}
    )
    assert "hunter2" not in repr(settings)
    assert "abab" not in repr(settings)
    assert settings.database_url.reveal() == "postgresql+psycopg://u:hunter2@h/d"


def test_empty_means_embedded():
    settings = Settings.from_environment({})
    assert not settings.database_url
    assert settings.port == 8000
    assert settings.zone.key == "Asia/Shanghai"
