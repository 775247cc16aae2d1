"""What the market must be told by its surroundings."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MarketSettings(BaseSettings):
    """Each is read from the environment as TUAN_MARKET_…."""

    model_config = SettingsConfigDict(env_prefix="TUAN_MARKET_")

    database_url: str
    public_url: str = Field(
        default="http://127.0.0.1:8080/api/market",
        pattern=r"^https?://[^\s/]+(/[^\s]*)?$",
        description="Where browsers find this API. Cookies follow it: with https they are for this host alone.",
    )
    grace_minutes: int = Field(
        default=5, ge=0, le=1440, description="How long after its deadline a team waits for word of payments."
    )
    clerks_max: int = Field(default=2, ge=1, description="Batches in the database at once, for each desk.")
