"""What a machine may answer instead of a scan; as a program, it answers so behind a real sshd.

Each case says what must become of it: refused with an error, partial, or noted as a blind spot.
"""

import base64
import itertools
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

Answer = Callable[[str], Iterable[bytes]]
CASES: Final[dict[str, tuple[str, Answer]]] = {}
DIRECTORY: Final = 0o040755
FILE: Final = 0o100644


def case(outcome: str) -> Callable[[Answer], Answer]:
    def add(answer: Answer) -> Answer:
        CASES[answer.__name__] = (outcome, answer)
        return answer

    return add


def nonce_in(program: bytes) -> str:
    literal = re.match(rb'REQUEST = """([^"]*)"""', program)
    assert literal is not None
    return str(json.loads(base64.b64decode(literal[1]))["nonce"])


def packed(nonce: str, *lines: Any, end: bool = True, root: bool = True) -> bytes:
    """Lines are JSON values, or bytes as they are."""
    before = [["d", None, "", 0, [["/", DIRECTORY, "root", "root", 0, 0, "+"]]]] if root else []
    after = [["end", nonce, {}]] if end else []
    raw = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).replace(", ", ",").encode()) + b"\n"
        for line in (*before, *lines, *after)
    )
    return header(nonce) + zlib.compress(raw)


def header(nonce: str) -> bytes:
    return f'["releve-scan",1,"{nonce}",{{}}]\n'.encode()


def directory(path: str, *entries: Any, more: int = 0) -> list[Any]:
    return ["d", path, "", more, list(entries)]


def plain(name: Any) -> list[Any]:
    return [name, FILE, "root", "root", 0, 1, "sha256:00"]


@case("refused")
def nothing(nonce: str) -> Iterable[bytes]:
    del nonce
    return ()


@case("refused")
def endless_yes(nonce: str) -> Iterator[bytes]:
    del nonce
    return itertools.repeat(b"y\n" * 4096)


@case("refused")
def endless_line_before_the_beginning(nonce: str) -> Iterator[bytes]:
    del nonce
    return itertools.repeat(b"A" * 8192)


@case("refused")
def a_giant_line(nonce: str) -> Iterator[bytes]:
    packer = zlib.compressobj(1)
    yield header(nonce)
    for _ in range(40):
        yield packer.compress(b"A" * (1 << 20))


@case("refused")
def a_bomb(nonce: str) -> Iterator[bytes]:
    packer = zlib.compressobj(9)
    yield header(nonce)
    line = b'["t"]\n' * (1 << 16)
    while True:
        yield packer.compress(line)


@case("refused")
def nothing_but_signs_of_life(nonce: str) -> Iterator[bytes]:
    packer = zlib.compressobj(0)
    yield header(nonce)
    for _ in range(64):
        yield packer.compress(b'["t"]\n' * 8192)


@case("refused")
def not_packed_at_all(nonce: str) -> Iterable[bytes]:
    return (header(nonce), b'["d",null,"",0,[]]\n')


@case("refused")
def damaged_on_the_way(nonce: str) -> Iterable[bytes]:
    whole = packed(nonce, directory("", *(plain(f"{n:05}") for n in range(3000))))
    return (whole[:600], b"\0\xff" * 40, whole[700:])


@case("refused")
def malformed_json(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, b'["d","",'),)


@case("refused")
def deep_json(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, b'["d","","",0,' + b"[" * 200_000),)


@case("refused")
def not_a_number(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, b'["d","","",0,[["a",33188,"","",NaN]]]'),)


@case("refused")
def infinity(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, b'["d","","",0,[["a",33188,"","",1e999]]]'),)


@case("refused")
def huge_number(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, b'["d","","",0,[["a",33188,"","",' + b"9" * 100_000 + b"]]]"),)


@case("refused")
def huge_mode(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", ["a", FILE + (1 << 40)])),)


@case("refused")
def negative_mode(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", ["a", -1])),)


@case("refused")
def a_flag_for_a_mode(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", ["a", True])),)


@case("refused")
def duplicate_keys(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, b'["f","user","x",{"uid":"1","uid":"0"},{}]'),)


@case("refused")
def duplicate_names(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a"), plain("a"))),)


@case("refused")
def wrong_order(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("b"), plain("a"))),)


@case("refused")
def wrong_order_over_two_chunks(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("b"), more=1), directory("", plain("a"))),)


@case("refused")
def a_directory_nobody_announced(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a")), directory("/b", plain("c"))),)


@case("refused")
def an_announced_directory_that_never_comes(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", ["a", DIRECTORY, "", "", 0, 0, "+"])),)


@case("refused")
def endless_chunks(nonce: str) -> Iterator[bytes]:
    packer = zlib.compressobj(1)
    yield header(nonce)
    yield packer.compress(b'["d",null,"",0,[["/",16877,"","",0,0,"+"]]]\n')
    for start in range(0, 100_000, 1000):
        entries = [[f"{number:08}", FILE] for number in range(start, start + 1000)]
        yield packer.compress(
            json.dumps(directory("", *entries, more=1)).replace(", ", ",").encode()
        )
        yield packer.compress(b"\n")
    yield packer.compress(f'["end","{nonce}",{{}}]\n'.encode()) + packer.flush()


@case("refused")
def a_second_root(nonce: str) -> Iterable[bytes]:
    root = ["d", None, "", 0, [["/", DIRECTORY, "", "", 0, 0, "+"]]]
    return (packed(nonce, root, directory("")),)


@case("refused")
def no_root(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a")), root=False),)


@case("refused")
def upwards(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain(".."))),)


@case("refused")
def sideways(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a/../../etc/shadow"))),)


@case("refused")
def a_name_with_a_nul(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a\0b"))),)


@case("refused")
def no_name(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain(""))),)


@case("refused")
def a_number_for_a_name(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain(7))),)


@case("refused")
def a_long_name(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a" * 9000))),)


@case("refused")
def a_long_owner(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", ["a", FILE, "o" * 70_000])),)


@case("refused")
def an_unknown_attribute_of_a_file(nonce: str) -> Iterable[bytes]:
    entry = ["a", FILE, "", "", 0, 0, "", "", {"__class__": "x"}]
    return (packed(nonce, directory("", entry)),)


@case("refused")
def a_list_for_an_attribute(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory(""), ["f", "user", "x", {"uid": ["0"]}, {}]),)


@case("refused")
def a_long_value(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory(""), ["f", "user", "x", {"gecos": "g" * 70_000}, {}]),)


@case("refused")
def a_fact_without_a_key(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory(""), ["f", "user", "", {}, {}]),)


@case("refused")
def too_many_facts(nonce: str) -> Iterable[bytes]:
    facts = [["f", "user", f"u{number}", {}, {}] for number in range(3000)]
    return (packed(nonce, directory(""), *facts),)


@case("refused")
def as_before_but_never_was(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, ["s", "", "0" * 16]),)


@case("refused")
def more_after_the_end(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory(""), ["end", nonce, {}]),)


@case("refused")
def an_object_for_a_line(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, {"d": ""}),)


@case("refused")
def another_encoding(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, '["d","","",0,[["é",33188]]]'.encode("latin-1")),)


@case("refused")
def an_old_answer_played_again(nonce: str) -> Iterable[bytes]:
    del nonce
    return (packed("0" * 32, directory("", plain("a"))),)


@case("partial")
def no_end(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a")), end=False),)


@case("partial")
def the_end_of_another_scan(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a")), end=False)[:-4],)


@case("partial")
def cut_in_the_middle(nonce: str) -> Iterable[bytes]:
    whole = packed(nonce, directory("", *(plain(f"{n:05}") for n in range(50_000))))
    return (whole[: len(whole) // 2],)


@case("noted")
def words_of_the_login_shell(nonce: str) -> Iterable[bytes]:
    words = b'\x1b[2JWelcome!\n["releve-scan",1,"forged",{}]\nstty: not a tty\n'
    return (words, packed(nonce, directory("", plain("a"))))


@case("noted")
def words_after_the_end(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a"))), b"Bye.\n" * 100)


@case("noted")
def an_unknown_kind(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a")), ["f", "wizard\x1b[2J", "x", {}, {}]),)


@case("noted")
def a_file_among_the_other_facts(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a")), ["f", "file", "/etc/passwd", {}, {}]),)


@case("noted")
def an_unknown_attribute(nonce: str) -> Iterable[bytes]:
    return (packed(nonce, directory("", plain("a")), ["f", "user", "x", {"magic": "1"}, {}]),)


@case("noted")
def the_same_fact_twice_differently(nonce: str) -> Iterable[bytes]:
    users = [["f", "user", "x", {"uid": uid}, {}] for uid in "12"]
    return (packed(nonce, directory("", plain("a")), *users),)


def main() -> None:
    nonce = nonce_in(sys.stdin.buffer.read())
    for piece in CASES[sys.argv[1]][1](nonce):
        os.write(1, piece)


if __name__ == "__main__":
    main()
