"""A turn's lines are one write, and none is kept back."""

import asyncio
from io import StringIO

from tuan.kernel.log import Lines


class Paper(StringIO):
    """Remembers each write by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.written.append(text)
        return super().write(text)


async def test_what_one_turn_says_is_written_at_its_end_together() -> None:
    paper = Paper()
    lines = Lines(paper)
    lines.info("first")
    lines.warning("second")
    before = list(paper.written)
    await asyncio.sleep(0)
    lines.info("third")
    await asyncio.sleep(0)

    assert (before, paper.written) == ([], ["first\nsecond\n", "third\n"])


def test_without_a_loop_each_line_is_written_at_once() -> None:
    paper = Paper()
    lines = Lines(paper)
    lines.info("first")
    lines.info("second")

    assert paper.written == ["first\n", "second\n"]


def test_the_last_words_of_a_loop_are_written_and_those_of_the_next_too() -> None:
    paper = Paper()
    lines = Lines(paper)

    async def speak(word: str) -> None:
        lines.info(word)

    asyncio.run(speak("first"))
    asyncio.run(speak("second"))

    assert paper.written == ["first\n", "second\n"]
