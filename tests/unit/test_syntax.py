from __future__ import annotations

import pytest

from mle_smith.models.embedded.analysis.script import answer_of
from mle_smith.syntax import compile_python, parse_python

TOO_DEEP = ["-" * 100_000 + "1", "-" * 5_000 + "1", "1" + "+1" * 50_000, "a" + ".b" * 50_000]


@pytest.mark.parametrize("code", [*TOO_DEEP, "[" * 500, "def f(:"])
def test_programs_that_cannot_be_parsed_are_syntax_errors(code: str) -> None:
    with pytest.raises(SyntaxError):
        parse_python(code)
    with pytest.raises(SyntaxError):
        compile_python(code, "solution.py")


def test_sound_programs_are_parsed() -> None:
    assert len(parse_python("a = 1\nb = 2\n").body) == 2
    compile_python("raise SystemExit(1)", "solution.py")


@pytest.mark.parametrize(
    "printed", ["", "no JSON", "[1]", "NaN", '{"a": NaN}', "[" * 50_000, '{"a":' * 2_000]
)
def test_what_a_program_printed_may_be_no_answer(printed: str) -> None:
    escaped = printed.replace('"', '\\"')
    assert answer_of(f'{{"status": "ok", "stdout": "{escaped}"}}') is None


def test_the_last_line_is_the_answer() -> None:
    assert answer_of('{"stdout": "noise\\n{\\"a\\": [1.5]}\\n"}') == {"a": [1.5]}
