"""Files in the sandbox's Slack: uploaded, shared by people, and handed to who shows the token."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flask import Response, jsonify, redirect, request

from bot.sandbox.server import Route, StandIn
from bot.texts.kinds import recognise

LOGIN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in</body></html>"
PIECE = 16 * 1024  # bytes handed over at a time


class Refusal(Exception):
    """An answer with `ok: false` and one of Slack's error names."""

    def __init__(self, error: str, *messages: str) -> None:
        self.error, self.messages = error, messages
        super().__init__(error)


@dataclass
class File:
    """A file; `content` is None until its bytes have come."""

    id: str
    name: str
    length: int
    alt_text: str | None
    title: str = ""
    content: bytes | None = None
    complete: bool = False
    user: str = "U0BOT"
    deleted: bool = False
    busy: int = 0  # so often Slack still works on it when it is asked for in a block
    #: How it is handed over: "whole", "no length", "cut off", "drips" (its second half, for hours),
    #: "login", or where it leads.
    served: str = "whole"
    handed_over: int = 0  # bytes, of all downloads

    @property
    def content_type(self) -> str:
        """What Slack says it is."""
        if (self.content or b"").startswith(b"<!DOCTYPE html"):
            return "text/html"
        kind = recognise(self.content or b"")
        return kind.content_type if kind else "application/octet-stream"


@dataclass
class SlackFiles(StandIn):
    """What Slack's methods and addresses of files do."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("/upload/<file>", "_upload", ("POST",)),
        ("/files-pri/<owner>/<name>", "_hand_over", ("GET",)),
    )

    token: str = ""
    team: str = "T0SANDBOX"
    files: dict[str, File] = field(default_factory=dict)
    takes_files: bool = True
    hands_out_files: bool = True  # the app has the scope files:read
    slow_pictures: int = 0  # so often Slack is asked for a new picture before it shows it

    def add_file(self, user: str, name: str, content: bytes, **flags: Any) -> File:
        """A file that somebody attached to a message."""
        file = File(
            "F" + secrets.token_hex(5).upper(), name, len(content), None, name, content, True,
            user, **flags,
        )  # fmt: skip
        self.files[file.id] = file
        return file

    def described(self, file: File) -> dict[str, Any]:
        """The file as Slack tells of it, in events and files.info."""
        url = f"{self.origin}/files-pri/{self.team}-{file.id}/{file.name.replace(' ', '_')}"
        return {
            "id": file.id, "created": int(time.time()), "name": file.name, "title": file.title,
            "mimetype": file.content_type, "filetype": file.name.rpartition(".")[2],
            "user": file.user, "size": len(file.content or b""), "mode": "hosted",
            "is_external": False, "is_public": False, "url_private": url,
            "url_private_download": url,
        }  # fmt: skip

    def _files_info(self, file: str, **_: Any) -> dict[str, Any]:
        if not self.hands_out_files:
            raise Refusal("missing_scope")
        return {"file": self.described(self._file(file))}

    def _hand_over(self, owner: str, name: str) -> Response:
        return self.answer("file", lambda: self._content(owner.partition("-")[2]), broken)

    def _content(self, file_id: str) -> Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return Response(LOGIN, mimetype="text/html")  # 200, as Slack does
        file = self.files.get(file_id)
        if file is None or file.deleted or file.content is None:
            return Response(LOGIN, status=404, mimetype="text/html")
        if file.served == "login" or not self.hands_out_files:
            return Response(LOGIN, mimetype="text/html")
        if file.served.startswith("http"):
            return redirect(file.served)  # type: ignore[return-value]
        answer = Response(self._pieces(file), mimetype=file.content_type)
        if file.served != "no length":
            answer.content_length = len(file.content)
        return answer

    def _pieces(self, file: File) -> Iterator[bytes]:
        content = file.content or b""
        end = len(content) // 2 if file.served in ("cut off", "drips") else len(content)
        for at in range(0, end, PIECE):
            piece = content[at : min(at + PIECE, end)]
            file.handed_over += len(piece)
            yield piece
        if file.served == "cut off":
            raise ConnectionError("as told")
        for at in range(end, len(content)):
            time.sleep(0.01)
            file.handed_over += 1
            yield content[at : at + 1]

    # Uploads

    def _files_getUploadURLExternal(
        self, filename: str, length: str, alt_txt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        if not self.takes_files:
            raise Refusal("file_uploads_disabled")
        if alt_txt and len(alt_txt) > 1000:
            raise Refusal("alt_txt_too_large")
        file = File("F" + secrets.token_hex(5).upper(), filename, int(length), alt_txt)
        file.busy = self.slow_pictures
        self.files[file.id] = file
        return {"upload_url": f"{self.origin}/upload/{file.id}", "file_id": file.id}

    def _upload(self, file: str) -> Response:
        return self.answer("upload", lambda: self._bytes(file), broken)

    def _bytes(self, file: str) -> Response:
        # Raw bytes, whatever they are called, and no token: the address is the secret.
        content, kept = request.get_data(), self.files.get(file)
        if kept is None or len(content) != kept.length:
            return Response("no such upload, or another length", status=400)
        kept.content = content
        return Response("OK - " + str(len(content)))

    def _files_completeUploadExternal(
        self, files: list[dict[str, str]], channel_id: str | None = None, **_: Any
    ) -> dict[str, Any]:
        if channel_id is not None:
            raise Refusal("channel_not_found")  # nothing here shares a file as it uploads it
        done = []
        for given in files:
            file = self.files.get(given.get("id", ""))
            if file is None or file.content is None:
                raise Refusal("file_not_found")
            file.complete, file.title = True, given.get("title") or file.name
            done.append({"id": file.id, "title": file.title})
        return {"files": done}

    def _file(self, file: str) -> File:
        found = self.files.get(file)
        if found is None or not found.complete:
            raise Refusal("file_not_found")
        if found.deleted:
            raise Refusal("file_deleted")
        return found

    def _check_pictures(self, blocks: Sequence[Mapping[str, Any]]) -> None:
        """A block shows a file of Slack's only if that is a picture, and Slack is done with it."""
        for place, block in enumerate(blocks):
            if block["type"] != "image" or "slack_file" not in block:
                continue
            file = self.files.get(block["slack_file"].get("id", ""))
            kind = recognise(file.content or b"") if file and file.complete else None
            if file is None or kind is None or not kind.is_picture or file.busy > 0:
                if file:
                    file.busy -= 1
                where = f"[json-pointer:/blocks/{place}/slack_file]"
                raise Refusal("invalid_blocks", f"[ERROR] invalid slack file {where}")


def broken(status: int, seconds: float) -> Response:
    """Slack's 429 and 500."""
    answer = jsonify(ok=False, error="ratelimited" if status == 429 else "internal_error")
    answer.status_code = status
    if status == 429:
        answer.headers["Retry-After"] = str(max(1, round(seconds)))
    return answer
