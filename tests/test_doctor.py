"""The doctor finds what is wrong, says what to do, and finds nothing where nothing is."""

from io import StringIO
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from tuan.doctor import examine, questions
from tuan.keyring import load_or_make
from tuan.mall.config import MallSettings
from tuan.market.config import MarketSettings
from tuan.up import settings_for

NOWHERE = "http://127.0.0.1:9"


def told(market: MarketSettings | None, mall: MallSettings | None, folder: Path) -> tuple[int, str]:
    said = StringIO()
    bad = examine(questions(market, mall, folder), Console(file=said, width=200))
    return bad, said.getvalue()


def test_a_migrated_database_is_well(market_database: str, tmp_path: Path) -> None:
    bad, said = told(MarketSettings(database_url=market_database), None, tmp_path)

    assert (bad, said.count("well")) == (0, 4)


def test_a_database_without_tables_is_ill(spare_database: str, tmp_path: Path) -> None:
    bad, said = told(MarketSettings(database_url=spare_database), None, tmp_path)

    assert bad == 1
    assert "tuan market migrate" in said


def test_a_database_that_is_away_is_ill_and_nothing_falls_over(tmp_path: Path) -> None:
    bad, said = told(MarketSettings(database_url="postgresql://nobody@127.0.0.1:9/tuan"), None, tmp_path)

    assert bad == 3
    assert "TUAN_MARKET_DATABASE_URL" in said


def test_our_own_public_key_in_the_gateways_place_is_found(mall_database: str, tmp_path: Path) -> None:
    keyring = load_or_make(tmp_path / "keys.json")
    _, mall, _ = settings_for(NOWHERE, dict.fromkeys(("market", "mall", "sandbox"), mall_database), keyring)
    assert mall.alipay
    swapped = mall.alipay.model_copy(update={"public_key": keyring.alipay_app_public_key})

    _, before = told(None, mall, tmp_path)
    bad, after = told(None, mall.model_copy(update={"alipay": swapped}), tmp_path)

    assert "alipay's keys: ours and theirs" in before
    assert "alipay's keys: the public key is our own" in after
    assert bad == 1 + 5  # The market, three gateways and the way in: nobody is there.


def test_a_broker_that_is_away_is_ill(market_database: str, tmp_path: Path) -> None:
    market = MarketSettings(database_url=market_database, rabbit_url=SecretStr("amqp://127.0.0.1:9/"))

    bad, said = told(market, None, tmp_path)

    assert bad == 1
    assert "market's broker: 127.0.0.1:9 does not answer" in said
