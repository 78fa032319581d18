"""What `--model` may say, and what it is answered when it cannot be had."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cli.models import models_given
from mle_smith.errors import ModelError, UsageError
from mle_smith.models.load import context_of, load_model
from mle_smith.models.prices import PriceTable
from mle_smith.models.roles import AgentRole
from mle_smith.models.spec import ModelSpec

ROLE = AgentRole.DESIGNER
HERE = "openai:qwen3:8b@http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("openai:gpt-5", ("openai", "gpt-5", "")),
        ("gpt-5", ("", "gpt-5", "")),
        ("ollama:llama3:8b", ("ollama", "llama3:8b", "")),
        ("google_vertexai:claude@20250929", ("google_vertexai", "claude@20250929", "")),
        (HERE, ("openai", "qwen3:8b", "http://127.0.0.1:9/v1")),
        (f"{HERE}?tools=text", ("openai", "qwen3:8b", "http://127.0.0.1:9/v1")),
    ],
)
def test_names_are_taken_apart(name: str, parts: tuple[str, str, str]) -> None:
    spec = ModelSpec.parse(name)
    assert (spec.provider, spec.model, spec.base_url) == parts


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "expected 'embedded'"),
        ("openai:", "expected 'embedded'"),
        ("nonsense:model", "knows no such provider"),
        ("my-own-model", "knows no such provider"),
        ("openai:gpt-5?colour=red", "options are api, tools"),
        ("openai:gpt-5?context=many", "option context"),
        ("openai:gpt-5?context", r"\?name=value"),
        ("openai:m@http://user:secret@127.0.0.1/v1", "keys come from the environment"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_form(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_model(name, ROLE)


def test_an_address_with_a_credential_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        ModelSpec.parse("openai:m@http://user:secret@127.0.0.1/v1")
    assert "secret" not in str(caught.value)


def test_a_missing_package_is_named_with_its_command() -> None:
    with pytest.raises(ModelError, match="pip install langchain-anthropic") as caught:
        load_model("anthropic:claude-sonnet-4-5", ROLE)
    assert caught.value.code == "model.package"


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="set OPENAI_API_KEY in the environment") as caught:
        load_model("openai:gpt-5", ROLE)
    assert caught.value.code == "model.key"
    with pytest.raises(ModelError, match="set MY_KEY in the environment"):
        load_model("openai:gpt-5?key_env=MY_KEY", ROLE)


def test_a_call_without_a_key_ends_with_one_message_and_status_3() -> None:
    command = [sys.executable, "-m", "cli.main", "forge", "examples/penguins/raw"]
    done = subprocess.run(
        [*command, "--model", "openai:gpt-5", "--out", "/dev/null/never"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/"},
        check=False,
    )
    assert done.returncode == 3
    assert "set OPENAI_API_KEY in the environment" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_model_can_read_is_told_known_or_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")

    def context(name: str) -> int | None:
        return context_of(name, load_model(name, ROLE))

    assert context("embedded") is None
    assert context(HERE) == 32_768
    assert context(f"{HERE}?context=8192") == 8192
    known = context("openai:gpt-5")
    assert known is not None
    assert known > 200_000


def test_prices_are_by_the_whole_name() -> None:
    table = PriceTable.load()
    assert table.of("openai:gpt-5?api=responses") is not None
    assert table.of("openai:gpt-5@http://127.0.0.1:9/v1") is None
    assert table.of("openai:gpt-5-that-is-not-out-yet") is None


@pytest.mark.parametrize(
    "values",
    [
        ["embedded", "designer=openai:a@http://h/v1?api=chat&tools=text", "reviewer=openai:b"],
        ["embedded,designer=openai:a@http://h/v1?api=chat&tools=text,reviewer=openai:b"],
    ],
)
def test_roles_are_set_apart_one_by_one_or_with_commas(values: list[str]) -> None:
    common, by_role = models_given(values)
    assert common == "embedded"
    designer = ModelSpec.parse(by_role["designer"])
    assert (designer.model, designer.options.tools) == ("a", "text")
    assert by_role["reviewer"] == "openai:b"


def test_a_role_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="'judge' is no role; there are brainstormer"):
        models_given(["embedded,judge=openai:b"])
