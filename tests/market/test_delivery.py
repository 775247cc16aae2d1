"""What an answer means, when the next try is, and how endpoints take turns."""

from datetime import UTC, datetime, timedelta

import pytest
from market_builders import NOW

from tuan.market.delivery import LADDER, Attempt, DeliveryStatus, Format, Parcel, put_off_seconds
from tuan.market.delivery_turn import EndpointBusy, Turns

TIME = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def a_parcel(**changes: object) -> Parcel:
    parcel: dict[str, object] = {
        "event_id": "v1",
        "endpoint_id": "e1",
        "kind": "team.formed",
        "data": {"team_id": "t1", "out_trade_nos": ["T1", "T2"]},
        "created_at": NOW,
        "team_number": None,
        "tries": 0,
        "url": "https://mall.example.com/",
        "format": Format.STANDARD,
        "secret": "whsec_bmV3",
        "previous_secret": None,
        "previous_secret_until": None,
        "disabled_at": None,
    }
    return Parcel(**parcel | changes)  # type: ignore[arg-type]


def an_attempt(status_code: int | None, answer: str = "", **changes: int) -> Attempt:
    return Attempt(at=NOW, status_code=status_code, milliseconds=1, answer=answer, **changes)


@pytest.mark.parametrize(
    ("parcel", "attempt", "status"),
    [
        ({}, an_attempt(200), "delivered"),
        ({}, an_attempt(299, "error"), "delivered"),
        ({}, an_attempt(302), "pending"),
        ({}, an_attempt(404), "pending"),
        ({}, an_attempt(None), "pending"),
        ({}, an_attempt(410), "dead"),
        ({"tries": 12}, an_attempt(500), "pending"),
        ({"tries": 13}, an_attempt(500), "dead"),
        ({"tries": 13}, an_attempt(204), "delivered"),
        ({"disabled_at": NOW}, an_attempt(None), "dead"),
        ({"format": Format.ORIGINAL}, an_attempt(200, "success"), "delivered"),
        ({"format": Format.ORIGINAL}, an_attempt(200, "error"), "pending"),
        ({"format": Format.ORIGINAL}, an_attempt(200, "success\n"), "pending"),
        ({"format": Format.ORIGINAL}, an_attempt(200, "SUCCESS"), "pending"),
        ({"format": Format.ORIGINAL}, an_attempt(200, ""), "pending"),
        ({"format": Format.ORIGINAL}, an_attempt(500, "success"), "pending"),
    ],
)
def test_an_answer_means_taken_again_or_never(
    parcel: dict[str, object], attempt: Attempt, status: str
) -> None:
    assert a_parcel(**parcel).status_after(attempt) is DeliveryStatus(status)


def test_the_ladder_lasts_for_three_days_and_little_more() -> None:
    assert timedelta(days=3) < timedelta(seconds=sum(LADDER)) < timedelta(days=3, hours=12)
    assert list(LADDER) == sorted(LADDER)


@pytest.mark.parametrize(
    ("status_code", "header", "seconds"),
    [
        (429, "120", 120),
        (503, "120", 120),
        (503, "Sun, 22 Nov 2026 10:05:00 GMT", 300),
        (503, "Sun, 22 Nov 2026 09:00:00 GMT", 0),
        (429, "99999999999999999999999", 6 * 3600),
        (429, "Sun, 22 Nov 9999 10:05:00 GMT", 6 * 3600),
        (429, "-1", 0),
        (429, "١٢", 0),
        (429, "soon", 0),
        (429, "", 0),
        (500, "120", 0),
        (200, "120", 0),
    ],
)
def test_a_busy_endpoint_may_put_us_off(status_code: int, header: str, seconds: int) -> None:
    assert put_off_seconds(status_code, header, now=TIME) == seconds


def test_it_cannot_hurry_us_along_the_ladder() -> None:
    put_off = an_attempt(429, put_off_seconds=60)

    assert a_parcel(tries=0).wait_after(put_off) == timedelta(seconds=60)
    assert a_parcel(tries=12).wait_after(put_off) == timedelta(days=1)


@pytest.mark.parametrize(
    ("previous", "until", "secrets"),
    [
        (None, None, ["whsec_bmV3"]),
        ("whsec_b2xk", NOW + timedelta(seconds=1), ["whsec_bmV3", "whsec_b2xk"]),
        ("whsec_b2xk", NOW, ["whsec_bmV3"]),
    ],
)
def test_two_secrets_sign_until_the_old_ones_time_is_over(
    previous: str | None, until: datetime | None, secrets: list[str]
) -> None:
    parcel = a_parcel(previous_secret=previous, previous_secret_until=until)

    assert parcel.secrets(now=NOW) == secrets


@pytest.mark.parametrize(("number", "team"), [(None, "t1"), ("12345678", "12345678")])
def test_the_original_format_names_the_team_as_its_caller_knows_it(number: str | None, team: str) -> None:
    body = a_parcel(format=Format.ORIGINAL, team_number=number).body()

    assert body == '{"teamId":"%s","outTradeNoList":["T1","T2"]}' % team  # noqa: UP031


def test_a_prompt_endpoint_has_four_in_hand_and_a_slow_one_one() -> None:
    turns = Turns()
    hands = [turns.take("e1") for _ in range(4)]
    for hand in hands:
        hand.__enter__().was_prompt = True
    with pytest.raises(EndpointBusy), turns.take("e1"):
        pass
    with turns.take("another"):
        pass
    for hand in hands:
        hand.__exit__(None, None, None)

    with turns.take("e1"):
        pass  # It was not prompt.
    with turns.take("e1") as turn:
        with pytest.raises(EndpointBusy), turns.take("e1"):
            pass
        turn.was_prompt = True
    with turns.take("e1"), turns.take("e1"):
        pass


def test_the_longer_the_queue_at_an_endpoint_the_later_one_comes_back() -> None:
    turns, waits = Turns(), []
    with turns.take("e1"), turns.take("e1"), turns.take("e1"), turns.take("e1"):
        for _ in range(1000):
            with pytest.raises(EndpointBusy) as busy, turns.take("e1"):
                pass
            waits.append(busy.value.after.total_seconds())

    assert 1 < waits[0] < 1.3
    assert 11 < waits[100] < 12.3
    assert 60 <= waits[999] <= 66
