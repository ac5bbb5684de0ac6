"""FLV as a sequence of tags (Adobe Flash Video File Format Specification 10.1, annex E). Pure.

Only what joining needs: what kind a tag is, when it plays, and whether a decoder can begin with it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

AUDIO: Final = 8
VIDEO: Final = 9
SCRIPT: Final = 18
MAX_TAG: Final = 16 * 1024 * 1024
"""Bytes of a tag, which has 24 bits for its size. A larger picture is none."""
_HEADER: Final = 9
_TAG_HEADER: Final = 11
_AAC: Final = 10
_AVC: Final = 7


class FlvError(ValueError):
    """What came is not FLV."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag. `at` is its time in milliseconds from an arbitrary beginning."""

    kind: int
    at: int
    body: bytes

    @property
    def is_config(self) -> bool:
        """Whether it holds what a decoder needs before anything else: an AVC or AAC sequence header."""
        if len(self.body) < 2:
            return False
        first, second = self.body[0], self.body[1]
        if self.kind == AUDIO:
            return first >> 4 == _AAC and second == 0
        if self.kind == VIDEO:
            # Enhanced RTMP marks its own headers by the highest bit, and says with four bits what follows.
            return first & 0x0F == 0 if first & 0x80 else first & 0x0F == _AVC and second == 0
        return False

    @property
    def is_keyframe(self) -> bool:
        """Whether it is a picture that a decoder can begin with."""
        return self.kind == VIDEO and bool(self.body) and self.body[0] >> 4 & 7 == 1 and not self.is_config

    def with_parameters(self, config: Tag) -> Tag:
        """The keyframe with the parameter sets of its sequence header inside. Decoders and FFmpeg's parser that keep to
        the first header they saw then learn of a new one. What is no AVC stays as it is.
        """
        sets = _parameter_sets(config.body)
        return replace(self, body=self.body[:5] + sets + self.body[5:]) if sets and self.is_keyframe else self

    def moved(self, milliseconds: int) -> Tag:
        """The same, so much later."""
        return replace(self, at=self.at + milliseconds)


def _parameter_sets(config: bytes) -> bytes:
    """The NAL units of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) as a picture holds them, each
    behind its length; nothing where it is none.
    """
    if len(config) < 11 or config[0] & 0x8F != _AVC:
        return b""
    size, at, found = (config[9] & 3) + 1, 10, bytearray()
    for mask in (0x1F, 0xFF):  # first the sequence parameter sets, then the picture parameter sets
        if at >= len(config):
            return b""
        count, at = config[at] & mask, at + 1
        for _ in range(count):
            length = int.from_bytes(config[at : at + 2], "big")
            unit = config[at + 2 : at + 2 + length]
            if len(unit) != length or length >= 256**size:
                return b""
            found += length.to_bytes(size, "big") + unit
            at += 2 + length
    return bytes(found)


def header(*, audio: bool = True, video: bool = True) -> bytes:
    """The beginning of an FLV stream that may hold sound and picture."""
    return b"FLV\x01" + bytes([4 * audio + video]) + struct.pack(">I", _HEADER) + bytes(4)


def encode(tag: Tag) -> bytes:
    """A tag with its trailing size. Times wrap after 49 days, as the format has 32 bits for them."""
    size, at = len(tag.body), tag.at & 0xFFFFFFFF
    head = bytes([tag.kind]) + size.to_bytes(3, "big") + (at & 0xFFFFFF).to_bytes(3, "big") + bytes([at >> 24, 0, 0, 0])
    return head + tag.body + struct.pack(">I", _TAG_HEADER + size)


class Parser:
    """Takes bytes as they come and gives whole tags."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._begun = False

    def feed(self, data: bytes) -> list[Tag]:
        """The tags that are complete now.

        Raises:
            FlvError: it is not FLV.
        """
        self._rest += data
        if not self._begun:
            if len(self._rest) < _HEADER + 4:
                return []
            if self._rest[:3] != b"FLV":
                raise FlvError("no FLV header")
            del self._rest[: int.from_bytes(self._rest[5:9], "big") + 4]
            self._begun = True
        tags = []
        while (tag := self._next()) is not None:
            tags.append(tag)
        return tags

    def _next(self) -> Tag | None:
        rest = self._rest
        if len(rest) < _TAG_HEADER:
            return None
        size = int.from_bytes(rest[1:4], "big")
        if size > MAX_TAG:
            raise FlvError("a tag is too large")
        end = _TAG_HEADER + size + 4
        if len(rest) < end:
            return None
        at = int.from_bytes(rest[4:7], "big") | rest[7] << 24
        tag = Tag(rest[0] & 0x1F, at, bytes(rest[_TAG_HEADER : _TAG_HEADER + size]))
        del rest[:end]
        return tag
