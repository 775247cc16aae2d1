"""A batch is decided as if its requests had come one after another. No database here."""

from dataclasses import replace
from datetime import timedelta

import pytest
from market_builders import CAMPAIGN, NOW, SWITCHES, TERMS, a_request, a_team, some_books

from tuan.kernel.errors import Refusal, each
from tuan.market.books import Books
from tuan.market.campaign import CampaignStatus
from tuan.market.discount import Discount, Plan
from tuan.market.lock import lock_seat
from tuan.market.settle import settle_seat
from tuan.market.team import Payment, SeatRequest, TeamStatus


def lock_all(books: Books, *requests: SeatRequest) -> list[str]:
    outcomes = each(requests, lambda request: lock_seat(books, request, switches=SWITCHES, now=NOW))
    return [one.code if isinstance(one, Refusal) else one[0].out_trade_no for one in outcomes]


def test_the_seat_carries_its_price_and_its_end() -> None:
    seat, team = lock_seat(some_books(), a_request(1), switches=SWITCHES, now=NOW)

    assert (seat.list_fen, seat.discount_fen, seat.payable_fen) == (100_00, 20_00, 80_00)
    assert seat.hold_until == NOW + timedelta(minutes=10)
    assert (team.opener_id, team.seats_taken) == ("b1", 1)


def test_a_team_keeps_the_rules_it_opened_with() -> None:
    dearer = replace(TERMS, id="summer-2", seats_target=9, discount=Discount(id="d2", plan=Plan.AMOUNT_OFF))
    team = a_team(list_fen=50_00)
    books = some_books(replace(CAMPAIGN, terms=dearer), team)
    books.terms[TERMS.id] = TERMS

    seat, _ = lock_seat(books, a_request(1, team_id=team.id), switches=SWITCHES, now=NOW)

    assert (seat.list_fen, seat.payable_fen, team.seats_target) == (50_00, 40_00, 5)


def test_the_same_buyer_twice_in_one_batch() -> None:
    books = some_books()

    _, second = lock_all(books, a_request(1), a_request(2, buyer_id="b1"))

    assert second == "take_limit_reached"
    assert (len(books.teams), len(books.seats_locked)) == (1, 1)


def test_the_last_seat_twice_in_one_batch() -> None:
    team = a_team(seats_target=1)
    books = some_books(CAMPAIGN, team)

    _, second = lock_all(books, a_request(1, team_id=team.id), a_request(2, team_id=team.id))

    assert second == "team_full"
    assert team.seats_taken == 1


def test_one_buyer_sits_in_a_team_once() -> None:
    team = a_team()
    books = some_books(replace(CAMPAIGN, terms=replace(TERMS, take_limit=9)), team)

    _, second = lock_all(books, a_request(1, team_id=team.id), a_request(2, team_id=team.id, buyer_id="b1"))

    assert second == "already_in_team"
    assert team.seats_taken == 1


def test_the_same_order_twice_in_one_batch_is_one_seat() -> None:
    books = some_books()

    first, second = lock_all(books, a_request(1), a_request(1))

    assert first == second
    assert len(books.seats_locked) == 1


@pytest.mark.parametrize("change", ["buyer_id", "campaign_id", "goods_id", "channel", "team_id"])
def test_an_order_number_cannot_ask_for_another_seat(change: str) -> None:
    books = some_books()

    _, second = lock_all(books, a_request(1), a_request(1, **{change: "other"}))

    assert second == "order_number_reused"
    assert len(books.seats_locked) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"team_id": "none"}, "not_found"),
        ({"goods_id": "none"}, "no_listing"),
        ({"channel": "none"}, "no_listing"),
        ({"source": "none"}, "no_listing"),
        ({"campaign_id": "winter"}, "listing_changed"),
    ],
)
def test_a_refusal_leaves_nothing_behind(changes: dict[str, str], code: str) -> None:
    books = some_books()

    assert lock_all(books, a_request(1, **changes)) == [code]
    assert (books.teams, books.seats, books.teams_held["summer", "b1"]) == ({}, {}, [])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"campaign_id": "winter"}, "wrong_team"),
        ({"goods_id": "coffee"}, "wrong_team"),
        ({"source": "rival"}, "not_found"),
        ({"closes_at": NOW}, "team_closed"),
        ({"status": TeamStatus.FAILED}, "team_closed"),
        ({"seats_taken": 5}, "team_full"),
    ],
)
def test_a_team_that_takes_nobody(changes: dict[str, object], code: str) -> None:
    team = a_team(**changes)
    books = some_books(CAMPAIGN, team)
    books.terms[TERMS.id] = TERMS
    before = team.seats_taken

    assert lock_all(books, a_request(1, team_id=team.id)) == [code]
    assert (team.seats_taken, books.seats_locked) == (before, {})


@pytest.mark.parametrize(
    "changes",
    [{"ends_at": NOW}, {"starts_at": NOW + timedelta(seconds=1)}, {"status": CampaignStatus.DRAFT},
     {"status": CampaignStatus.ENDED}],
)  # fmt: skip
@pytest.mark.parametrize("joins", [False, True])
def test_a_campaign_that_does_not_run_takes_nobody(changes: dict[str, object], joins: bool) -> None:
    team = a_team()
    books = some_books(replace(CAMPAIGN, **changes), team)  # type: ignore[arg-type]

    assert lock_all(books, a_request(1, team_id=team.id if joins else None)) == ["campaign_closed"]
    assert (books.seats_locked, books.teams_opened, team.seats_taken) == ({}, {}, 0)


def test_the_payment_that_fills_the_team_forms_it_once() -> None:
    team = a_team(seats_target=2)
    books = some_books(CAMPAIGN, team)
    lock_all(books, *(a_request(n, team_id=team.id) for n in (1, 2)))

    for out_trade_no in ("T1", "T1", "T2", "T2"):
        settle_seat(
            books, Payment(source="mall", out_trade_no=out_trade_no, paid_at=NOW), switches=SWITCHES, now=NOW
        )

    assert (team.status, team.seats_settled, team.closed_at) == (TeamStatus.FORMED, 2, NOW)
    assert books.teams_formed == [team]
