ALTER TABLE mall_order
    ADD hold_until timestamptz,       -- The market keeps the seat until then.
    ADD refund_asked_at timestamptz,  -- By the buyer; the seat is given back before the money.
    ADD refund_reason text,
    ADD CHECK ((refund_asked_at IS NULL) = (refund_reason IS NULL)),
    ADD CHECK (refund_asked_at IS NULL OR (kind = 'group' AND paid_at IS NOT NULL));

UPDATE mall_order SET hold_until = expires_at + interval '30 seconds'
FROM payment WHERE order_number = mall_order.number AND kind = 'group';

CREATE INDEX mall_order_unsettled ON mall_order (created_at)
    WHERE status IN ('created', 'ready') OR (status = 'paid' AND settled_at IS NULL)
        OR (status = 'paid' AND refund_asked_at IS NOT NULL);

ALTER TABLE payment
    ADD received_fen bigint CHECK (received_fen >= 1),
    ADD told_by text CHECK (told_by IN ('notify', 'query')),
    ADD ask_at timestamptz;  -- When the gateway is asked next; none when there is no more to know.

UPDATE payment SET ask_at = opened_at WHERE status = 'open';
UPDATE payment SET received_fen = amount_fen, told_by = CASE WHEN EXISTS (
        SELECT FROM notify_log WHERE payment_number = payment.number AND verdict IN ('paid', 'late_money')
    ) THEN 'notify' ELSE 'query' END
WHERE paid_at IS NOT NULL;

ALTER TABLE payment
    ADD CHECK ((paid_at IS NULL) = (received_fen IS NULL)),
    ADD CHECK ((paid_at IS NULL) = (told_by IS NULL)),
    ADD CHECK (status <> 'paid' OR received_fen = amount_fen),
    ADD CHECK (status <> 'open' OR ask_at IS NOT NULL),
    ADD CHECK (status <> 'paid' OR ask_at IS NULL);

CREATE INDEX payment_to_ask ON payment (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX payment_of_order ON payment (order_number);

ALTER TABLE refund
    DROP CONSTRAINT refund_status_check,
    ADD CONSTRAINT refund_status_check CHECK (status IN (
        'owed',    -- ▶ done, stuck
        'stuck',   -- ▶ owed: a person has looked, and asks for it to be tried again
        'done')),
    ADD tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    ADD trouble text;  -- Why the last try failed, in the gateway's own word.

CREATE INDEX refund_unfinished ON refund (created_at) WHERE status <> 'done';

-- The sweep asks whether work on an order is under way.
CREATE INDEX job_alive ON procrastinate_jobs (lock, task_name) WHERE status IN ('todo', 'doing');

ALTER TABLE notify_log ADD replay_of text COLLATE "C" REFERENCES notify_log;

-- What a person should look at. Raised again it counts, and stays one row.
CREATE TABLE alarm (
    id text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL,
    about text COLLATE "C" NOT NULL,
    detail text NOT NULL,
    times integer NOT NULL CHECK (times >= 1),
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL CHECK (last_at >= first_at),
    cleared_at timestamptz
);

CREATE UNIQUE INDEX alarm_ringing ON alarm (kind, about) WHERE cleared_at IS NULL;

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER notify_log_is_history BEFORE UPDATE OR DELETE ON notify_log
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

-- Every move of every order, written by the database itself.
CREATE TABLE order_transition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_number text COLLATE "C" NOT NULL REFERENCES mall_order,
    from_status text,
    to_status text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX order_transition_of_order ON order_transition (order_number, id);

INSERT INTO order_transition (order_number, from_status, to_status, written_at)
SELECT number, lag(was.status) OVER (PARTITION BY number ORDER BY was.place), was.status, was.at
FROM mall_order, LATERAL (VALUES
    (1, 'created', created_at),
    (2, 'awaiting_payment', (SELECT min(opened_at) FROM payment WHERE order_number = mall_order.number)),
    (3, 'paid', paid_at),
    (4, 'ready', ready_at),
    (5, 'fulfilled', fulfilled_at),
    (6, 'closed', closed_at),
    (7, 'refunding', refunding_at),
    (8, 'refunded', refunded_at)) AS was (place, status, at)
WHERE was.at IS NOT NULL ORDER BY number, was.place;

CREATE TRIGGER order_transition_is_history BEFORE UPDATE OR DELETE ON order_transition
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

CREATE FUNCTION write_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_transition (order_number, from_status, to_status)
    VALUES (NEW.number, CASE TG_OP WHEN 'UPDATE' THEN OLD.status END, NEW.status);
    RETURN NULL;
END $$;

CREATE TRIGGER mall_order_is_placed AFTER INSERT ON mall_order
    FOR EACH ROW EXECUTE FUNCTION write_transition();
CREATE TRIGGER mall_order_has_moved AFTER UPDATE OF status ON mall_order
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION write_transition();

-- The books, in fen. What we have is positive, what we owe or have earned is negative.
CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    posting text COLLATE "C" NOT NULL,  -- What happened, and to what: it happens once, and sums to zero.
    account text NOT NULL CHECK (account IN (
        'gateway',      -- money that the gateway keeps for us
        'held',         -- money of buyers who wait for what they bought
        'earned',       -- money for what was delivered
        'refund_owed',  -- money that must go back
        'gateway_fee')),
    order_number text COLLATE "C" NOT NULL REFERENCES mall_order,
    amount_fen bigint NOT NULL CHECK (amount_fen <> 0),
    booked_at timestamptz NOT NULL,
    UNIQUE (posting, account)
);

CREATE INDEX ledger_entry_of_order ON ledger_entry (order_number);

INSERT INTO ledger_entry (posting, account, order_number, amount_fen, booked_at)
SELECT 'payment ' || number, account, order_number, sign * received_fen, paid_at
FROM payment, (VALUES ('gateway', 1), ('held', -1)) AS side (account, sign) WHERE paid_at IS NOT NULL
UNION ALL
SELECT 'delivery ' || order_number, account, order_number, sign * payable_fen, delivered_at
FROM delivery JOIN mall_order ON number = order_number, (VALUES ('held', 1), ('earned', -1)) AS side (account, sign)
UNION ALL
SELECT 'refund owed ' || number,
    CASE WHEN sign < 0 THEN 'refund_owed' WHEN is_earned THEN 'earned' ELSE 'held' END,
    order_number, sign * amount_fen, created_at
FROM refund, LATERAL (SELECT
        EXISTS (SELECT FROM delivery WHERE delivery.order_number = refund.order_number)
        AND EXISTS (SELECT FROM payment WHERE payment.number = payment_number AND payment.status = 'paid')
    ) AS money (is_earned), (VALUES (1), (-1)) AS side (sign)
UNION ALL
SELECT 'refund done ' || number, account, order_number, sign * amount_fen, done_at
FROM refund, (VALUES ('refund_owed', 1), ('gateway', -1)) AS side (account, sign) WHERE status = 'done';

CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(amount_fen) FROM ledger_entry WHERE posting = NEW.posting) <> 0 THEN
        RAISE EXCEPTION 'the entries of % do not sum to zero', NEW.posting USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced();

CREATE TRIGGER ledger_is_history BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
