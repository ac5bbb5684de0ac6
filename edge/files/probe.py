"""Looks into files and streams with ffprobe."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chalicelib.wire.sources import IMAGE_EXTENSIONS, Probed, SourceAudio, SourceFormat, SourceVideo
from edge.base.errors import NotHereError, RefusedInputError
from edge.ffmpeg.workers.argv import file_options, url_options
from edge.ffmpeg.workers.inputs import handed, source_url
from edge.ffmpeg.workers.process import start_to_read
from edge.ffmpeg.workers.redact import redact, url_secrets
from edge.ffmpeg.workers.ways import OpenWay, straight
from edge.files.folders import Folders

LIMIT_S: Final = 15.0
SILENT_S: Final = 9.0
"""FFmpeg gives up on a peer that sends nothing after 10 s, and calls that bad data."""
SILENT: Final = "it can be reached, but sends nothing that can be played; is it switched on and sending?"
NOT_RUN: Final = "ffprobe cannot be run on the node"
_MOST_BYTES: Final = 1024 * 1024
_SHOW: Final = ("-v", "error", "-print_format", "json", "-show_format", "-show_streams", "-show_error")


class Probe:
    """Runs ffprobe; `open_way` finds the way to what users have named."""

    def __init__(self, ffprobe: str, folders: Folders | None, open_way: OpenWay = straight) -> None:
        self._ffprobe, self._folders, self._open_way = ffprobe, folders, open_way

    async def look(self, target: str, *, camera: bool = False) -> Probed:
        """What is in a file of ours or behind a URL. Whatever is wrong with it is in the answer's `error`."""
        try:
            if "://" in target:
                return await self._look_at_url(target, camera=camera)
            if self._folders is None:
                return Probed(error="this node has no data folder, so it plays no files; set SLUICE_DATA_DIR")
            path = self._folders.path(target)
            found = await self._run([*file_options(str(path)), str(path)])
            return found.model_copy(update={"size": path.stat().st_size, "name": self._folders.given_name(path)})
        except RefusedInputError as error:
            return Probed(error=error.reason)
        except (NotHereError, ValueError) as error:
            return Probed(error=str(error))

    async def look_at_slate(self, path: Path, *, image: bool) -> Probed:
        """What is in an image or a clip on this machine, by an absolute path that was checked before."""
        options = [
            "-protocol_whitelist",
            "file",
            "-format_whitelist",
            "image2",
            "-f",
            "image2",
            "-pattern_type",
            "none",
        ]
        return await self._run([*(options if image else file_options(str(path))), str(path)])

    async def why_not(self, path: Path, target: str) -> tuple[str, Probed]:
        """Why a file that was brought in can't be played, '' when it can, and what is in it."""
        if path.suffix in IMAGE_EXTENSIONS:
            found = await self.look_at_slate(path, image=True)
            # Of an image that is none, FFmpeg knows the codec by the name, and no size.
            return found.error or ("" if found.video and found.video.width else "it is no picture"), found
        found = await self.look(target)
        return found.error or ("" if found.video or found.audio else "it has neither picture nor sound"), found

    async def _look_at_url(self, target: str, *, camera: bool) -> Probed:
        url = source_url(target).text
        options = url_options(url)
        began = asyncio.get_running_loop().time()
        async with self._open_way(url, camera=camera) as way:
            found = await self._run([*way.options, *options, handed(way.url)], way.env)
        if found.error and asyncio.get_running_loop().time() - began >= SILENT_S:
            found = Probed(error=SILENT)
        return found.model_copy(update={"error": redact(found.error, url_secrets(url))}) if found.error else found

    async def _run(self, arguments: list[str], env: Mapping[str, str] | None = None) -> Probed:
        try:
            child = await start_to_read([self._ffprobe, *_SHOW, *arguments], env)
        except OSError as error:
            return Probed(error=f"{NOT_RUN}: {error.strerror}; install FFmpeg or set FFPROBE_BIN")
        try:
            async with asyncio.timeout(LIMIT_S - 1):
                out, _ = await child.communicate()
        except TimeoutError:
            return Probed(error=SILENT)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return read_answer(out[:_MOST_BYTES])


def _text(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: str(found[name]) for name in names if found.get(name) is not None}


def _numbers(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: int(found[name]) for name in names if isinstance(found.get(name), int)}


def read_answer(out: bytes) -> Probed:
    """ffprobe's JSON as we tell it: the first stream of each kind, text as it was printed."""
    try:
        data = json.loads(out)
        streams = [s for s in data.get("streams", []) if isinstance(s, dict)]
        form = data.get("format") or {}
    except (ValueError, AttributeError):
        return Probed(error="FFmpeg knows no format for it; is it a video file or a live stream?")
    if "error" in data or not form:
        return Probed(error=_reason(data.get("error") or {}))
    video = next((s for s in streams if s.get("codec_type") == "video" and not _is_cover(s)), None)
    audio = next((s for s in streams if s.get("codec_type") == "audio"), None)
    times = ("bit_rate", "start_time", "duration")
    return Probed(
        format=SourceFormat(
            **_text(form, "start_time", "duration", "bit_rate"),
            **_numbers(form, "nb_streams", "probe_score"),
            has_video=video is not None,
            has_audio=audio is not None,
        ),
        video=SourceVideo(
            **_text(video, "codec_type", "codec_name", "profile", "pix_fmt", *times),
            **_numbers(video, "width", "height", "level"),
            rotation=rotation_of(video),
        )
        if video
        else None,
        audio=SourceAudio(
            **_text(
                audio, "codec_type", "codec_name", "profile", "sample_fmt", "sample_rate", "channel_layout", *times
            ),
            **_numbers(audio, "channels"),
        )
        if audio
        else None,
    )


def rotation_of(stream: dict[str, Any]) -> int:
    """Degrees clockwise by which a player turns the picture; ffprobe tells them counter-clockwise."""
    for data in stream.get("side_data_list") or []:
        angle = data.get("rotation") if isinstance(data, dict) else None
        if isinstance(angle, int | float) and math.isfinite(angle):
            return round(-angle) % 360
    return 0


def _is_cover(stream: dict[str, Any]) -> bool:
    """The picture on the cover of a song is no video."""
    return bool((stream.get("disposition") or {}).get("attached_pic"))


def _reason(error: dict[str, Any]) -> str:
    said = str(error.get("string", ""))
    if "Invalid data" in said or not said:
        return "FFmpeg knows no format for it; is it a video file or a live stream?"
    if "refused" in said:
        return "nobody listens there; check host, port and that it is switched on"
    if "timed out" in said:
        return "it does not answer; check host and port"
    if "5XX" in said:
        return "nobody listens there, or the server there has a fault; check host, port and that it is switched on"
    if "401" in said or "403" in said:
        return "it asks for other credentials; check user and password"
    return f"it cannot be opened: {said[:200]}"
