"""What the child process is told, on its standard input."""

from typing import Final, TypedDict

LOAD_SECONDS: Final = 15  # for apprise to read its 130 services; two where little else runs


class Task(TypedDict):
    urls: list[str]
    seconds: float  # for each channel, once apprise is loaded
    thread: str
    title: str
    body: str
    tone: str
    only_load: bool  # send nothing: is the URL one that apprise can read?
