"""The keys of one installation."""

import json
from pathlib import Path

from tuan.keyring import load_or_make


def test_keys_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    first, again = load_or_make(path), load_or_make(path)

    assert first == again
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(first.wechat_aes_key) == 43
    assert first.alipay_app_public_key != first.alipay_gateway_public_key


def test_a_key_that_a_newer_release_asks_for_is_added_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    kept = load_or_make(path)
    older = json.loads(path.read_text())
    del older["operator_password"]
    path.write_text(json.dumps(older))

    upgraded = load_or_make(path)

    assert upgraded.market_api_key == kept.market_api_key
    assert upgraded.operator_password not in ("", kept.operator_password)
    assert load_or_make(path) == upgraded
