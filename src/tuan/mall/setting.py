"""What the value of a setting may be: never nothing."""

from typing import Annotated

from pydantic import Field, SecretStr

Secret = Annotated[SecretStr, Field(min_length=1)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")]
Filled = Annotated[str, Field(min_length=1)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
