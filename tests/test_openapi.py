"""What is documented is what is served: a change of the API is made on purpose, with `make api`."""

from pathlib import Path

from tuan.openapi import documents

COMMITTED = Path(__file__).parents[1] / "docs" / "api"


async def test_the_committed_documents_are_true() -> None:
    served = await documents()

    assert {name: (COMMITTED / f"{name}.json").read_text() for name in served} == served
