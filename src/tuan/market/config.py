"""What the market must be told by its surroundings."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class MarketSettings(BaseSettings):
    """Each is read from the environment as TUAN_MARKET_…."""

    model_config = SettingsConfigDict(env_prefix="TUAN_MARKET_")

    database_url: str
    pooler_url: str = Field(
        default="",
        description="A PgBouncer before the same database, in transaction mode: requests go through it.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8080/api/market",
        pattern=r"^https?://[^\s/]+(/[^\s]*)?$",
        description="Where browsers find this API. With https, cookies are for this host alone.",
    )
    grace_minutes: int = Field(
        default=5, ge=0, le=1440, description="How long after its deadline a team waits for word of payments."
    )
    clerks_max: int = Field(default=2, ge=1, description="Batches in the database at once, for each desk.")
    allow_private_webhooks: bool = Field(
        default=False,
        description="Whether webhooks may go to http, to any port and into our own network: for one machine.",
    )
    rabbit_url: SecretStr = Field(
        default=SecretStr(""),
        description="Where events may be published, as amqp://user:password@host/. Needs the extra `rabbit`.",
    )
    demo_clock: Path | None = Field(
        default=None, description="For demonstrations: the file that says how far the clock was moved ahead."
    )
    trusted_callers: Sequence[IPv4Network | IPv6Network] = Field(
        default=(),
        description='Addresses that trade on the original\'s paths without a key, as ["10.1.0.0/16"].'
        " What counts is who connects; or whom the proxy names that `tuan market api --behind` believes.",
    )
