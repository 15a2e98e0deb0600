"""Required secrets: all problems are reported at once, without values."""

import pytest
from pulumi import Config, Output
from pulumi.runtime.config import set_all_config

from components.config import secrets as module
from components.config.secrets import REQUIRED_SECRETS, MissingSecretsError, RequiredSecret, required_secrets
from components.settings import validate
from tests.support.recorder import recording, stack_config


@pytest.fixture
def config(monkeypatch):
    def use(**values):
        recording("staging")
        set_all_config({f"platform:{key}": value for key, value in values.items()}, [])
        return Config("platform")

    other = RequiredSecret("the key of another thing", "[a-z]{4}", "abcd")
    monkeypatch.setattr(module, "REQUIRED_SECRETS", {**REQUIRED_SECRETS, "other": other})
    yield use
    set_all_config({}, [])


def test_all_missing_secrets_are_reported_with_commands(config):
    with pytest.raises(MissingSecretsError) as missing:
        required_secrets(config())
    text = str(missing.value)
    assert text.startswith("The stack staging lacks secrets:")
    for key in ("slackWebhook", "other"):
        assert f"pulumi config set --secret platform:{key} --stack staging" in text


def test_a_malformed_secret_is_reported_without_its_value(config):
    with pytest.raises(MissingSecretsError) as wrong:
        required_secrets(config(slackWebhook=REQUIRED_SECRETS["slackWebhook"].example, other="hunter2"))
    text = str(wrong.value)
    assert "platform:other has a value that does not match [a-z]{4}" in text
    assert "slackWebhook" not in text
    assert "hunter2" not in text


def test_values_are_secret_even_if_stored_in_plain_text(config, run):
    kept = {}

    def program():
        found = required_secrets(config(slackWebhook=REQUIRED_SECRETS["slackWebhook"].example, other="abcd"))
        for key, value in found.items():
            told = Output.from_input(value.is_secret())
            told.apply(lambda told, key=key: kept.update({key: told}))

    run(program)
    assert kept == {"slackWebhook": True, "other": True}


def test_a_stack_file_can_contain_encrypted_values():
    encrypted = {"platform:slackWebhook": {"secure": "v1:abc:def"}}
    assert validate(stack_config("prod") | encrypted, "prod") == validate(stack_config("prod"), "prod")


@pytest.mark.parametrize("secret", REQUIRED_SECRETS.values(), ids=REQUIRED_SECRETS)
def test_each_required_secret_has_a_description_and_a_matching_example(secret):
    assert module.re.fullmatch(secret.pattern, secret.example)
    assert secret.description
