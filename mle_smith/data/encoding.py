"""Which characters the bytes of a text file stand for."""

from __future__ import annotations

import codecs
from typing import IO

import charset_normalizer

from mle_smith.errors import SourceError

_BLOCK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = ["cp1251", "koi8_r", "cp1253", "cp1250", "shift_jis", "gb18030", "big5", "euc_kr"]
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1a\x1b\x01\x1f")


def is_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are not text in any common encoding."""
    if any(head.startswith(bom) for bom, _ in _BOMS) or _utf16_without_mark(head):
        return False
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)
    return b"\0" in head or controls > len(head) / 200


def detect_encoding(handle: IO[bytes], name: str) -> str:
    """The encoding of a text, from all of its bytes.

    UTF-8 (which other encodings hardly ever satisfy by chance) is preferred; then what the high
    bytes look like; then Windows-1252, or Latin-1 where bytes have no meaning in that.

    Raises:
        SourceError: the bytes are not text.
    """
    head = handle.read(_BLOCK)
    if is_binary(head[:65_536]):
        raise SourceError(
            f"{name}: holds binary data, not text; check what it is, or rename it to its true type",
            code="source.binary",
        )
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if unmarked := _utf16_without_mark(head):
        return unmarked
    decoder = codecs.getincrementaldecoder("utf-8")()
    high = bytearray()
    utf8 = True
    block = head
    while block:
        if not block.isascii():
            utf8 = utf8 and _decodes(decoder, block)
            high += _lines_with_high_bytes(block) if len(high) < _BLOCK else b""
        elif utf8:
            utf8 = _decodes(decoder, block)
        block = handle.read(_BLOCK)
    if utf8 and _decodes(decoder, b"", final=True):
        return "utf-8"
    return _legacy(bytes(high))


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _lines_with_high_bytes(block: bytes) -> bytes:
    return b"\n".join(line for line in block.split(b"\n") if not line.isascii())


def _legacy(high: bytes) -> str:
    """Guess between Western and other single- or multi-byte encodings, from telling lines."""
    share = sum(byte > 127 for byte in high) / max(len(high), 1)
    if share > 0.2:  # Western text is mostly ASCII
        best = charset_normalizer.from_bytes(high[:65_536], cp_isolation=_FOREIGN).best()
        if best is not None:
            return best.encoding
    undefined = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
    return "latin-1" if undefined & set(high) else "cp1252"


def _utf16_without_mark(head: bytes) -> str | None:
    sample = head[:4096]
    if len(sample) < 8:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) / 2
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * half and odd < 0.05 * half else None
