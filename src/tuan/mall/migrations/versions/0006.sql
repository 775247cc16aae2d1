ALTER TABLE product ADD is_on_shelf boolean NOT NULL DEFAULT true;

-- What operators did, written with the change itself. Operators are the market's: so are their ids.
CREATE TABLE deed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    operator_id text COLLATE "C" NOT NULL,
    operator_name text NOT NULL,
    action text COLLATE "C" NOT NULL,
    about text COLLATE "C" NOT NULL,
    before jsonb,
    after jsonb,
    reason text NOT NULL
);

CREATE INDEX deed_about ON deed (about, id);

CREATE TRIGGER deed_is_history BEFORE UPDATE OR DELETE ON deed
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

-- A refund that one operator asked for and another must agree to.
CREATE TABLE refund_request (
    id text COLLATE "C" PRIMARY KEY,
    order_number text COLLATE "C" NOT NULL REFERENCES mall_order,
    amount_fen bigint NOT NULL CHECK (amount_fen >= 1),
    reason text NOT NULL,
    asked_by text COLLATE "C" NOT NULL,
    asked_by_name text NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > asked_at),
    status text NOT NULL CHECK (status IN (
        'waiting',  -- ▶ approved, refused, expired
        'approved',
        'refused',
        'expired')),
    decided_by text COLLATE "C",
    decided_by_name text,
    decided_at timestamptz,
    CHECK ((status IN ('approved', 'refused')) = (decided_by IS NOT NULL)),
    CHECK ((decided_by IS NULL) = (decided_by_name IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CHECK (decided_by <> asked_by)
);

CREATE UNIQUE INDEX refund_request_one_waits ON refund_request (order_number) WHERE status = 'waiting';
CREATE INDEX refund_request_of_order ON refund_request (order_number, id);

-- Why a job failed the last time; it goes when the job does.
CREATE TABLE job_trouble (
    job_id bigint PRIMARY KEY REFERENCES procrastinate_jobs ON DELETE CASCADE,
    error text NOT NULL CHECK (length(error) <= 500),
    at timestamptz NOT NULL
);

-- What happened to an order beside its moves, written by the database itself, and so by the same clock.
CREATE TABLE order_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_number text COLLATE "C" NOT NULL REFERENCES mall_order,
    what text NOT NULL CHECK (what IN (
        'payment.opened',
        'payment.asked',     -- We were about to ask the gateway.
        'payment.received',
        'payment.closed',
        'seat.settled',
        'delivery.made',
        'refund.asked',      -- For the seat to be given back first.
        'refund.owed',
        'refund.failed',     -- And is tried again.
        'refund.stuck',
        'refund.done')),
    about text COLLATE "C" NOT NULL,
    amount_fen bigint,
    detail text,  -- A word of ours, or of the gateway's.
    reason text,  -- As a person wrote it.
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX order_step_of_order ON order_step (order_number, id);

INSERT INTO order_step (order_number, what, about, amount_fen, detail, reason, written_at)
SELECT * FROM (
    SELECT order_number, 'payment.opened', number, amount_fen, gateway, NULL, opened_at FROM payment
    UNION ALL SELECT order_number, 'payment.received', number, received_fen, told_by, NULL, paid_at FROM payment
    UNION ALL SELECT number, 'seat.settled', team_id, NULL, NULL, NULL, settled_at FROM mall_order
    UNION ALL SELECT order_number, 'delivery.made', order_number, NULL, NULL, NULL, delivered_at FROM delivery
    UNION ALL SELECT number, 'refund.asked', number, payable_fen, NULL, refund_reason, refund_asked_at
        FROM mall_order
    UNION ALL SELECT order_number, 'refund.owed', number, amount_fen, NULL, reason, created_at FROM refund
    UNION ALL SELECT order_number, 'refund.done', number, amount_fen, NULL, NULL, done_at FROM refund
) AS was (order_number, what, about, amount_fen, detail, reason, at) WHERE at IS NOT NULL ORDER BY at;

CREATE TRIGGER order_step_is_history BEFORE UPDATE OR DELETE ON order_step
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

CREATE FUNCTION write_payment_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO order_step (order_number, what, about, amount_fen, detail)
        VALUES (NEW.order_number, 'payment.opened', NEW.number, NEW.amount_fen, NEW.gateway);
    ELSIF NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL THEN
        INSERT INTO order_step (order_number, what, about, amount_fen, detail)
        VALUES (NEW.order_number, 'payment.received', NEW.number, NEW.received_fen, NEW.told_by);
    ELSIF OLD.status <> NEW.status THEN
        INSERT INTO order_step (order_number, what, about)
        VALUES (NEW.order_number, 'payment.closed', NEW.number);
    ELSIF OLD.ask_at < NEW.ask_at THEN
        INSERT INTO order_step (order_number, what, about)
        VALUES (NEW.order_number, 'payment.asked', NEW.number);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER payment_takes_a_step AFTER INSERT OR UPDATE ON payment
    FOR EACH ROW EXECUTE FUNCTION write_payment_step();

CREATE FUNCTION write_refund_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO order_step (order_number, what, about, amount_fen, reason)
        VALUES (NEW.order_number, 'refund.owed', NEW.number, NEW.amount_fen, NEW.reason);
    ELSIF OLD.status <> 'done' AND NEW.status = 'done' THEN
        INSERT INTO order_step (order_number, what, about, amount_fen)
        VALUES (NEW.order_number, 'refund.done', NEW.number, NEW.amount_fen);
    ELSIF OLD.tries < NEW.tries THEN
        INSERT INTO order_step (order_number, what, about, amount_fen, detail)
        VALUES (NEW.order_number, CASE NEW.status WHEN 'stuck' THEN 'refund.stuck' ELSE 'refund.failed' END,
            NEW.number, NEW.amount_fen, NEW.trouble);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER refund_takes_a_step AFTER INSERT OR UPDATE ON refund
    FOR EACH ROW EXECUTE FUNCTION write_refund_step();

CREATE FUNCTION write_delivery_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_step (order_number, what, about)
    VALUES (NEW.order_number, 'delivery.made', NEW.order_number);
    RETURN NULL;
END $$;

CREATE TRIGGER delivery_takes_a_step AFTER INSERT ON delivery
    FOR EACH ROW EXECUTE FUNCTION write_delivery_step();

CREATE FUNCTION write_seat_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.settled_at IS NOT NULL AND OLD.settled_at IS NULL THEN
        INSERT INTO order_step (order_number, what, about)
        VALUES (NEW.number, 'seat.settled', NEW.team_id);
    END IF;
    IF NEW.refund_asked_at IS NOT NULL AND OLD.refund_asked_at IS NULL THEN
        INSERT INTO order_step (order_number, what, about, amount_fen, reason)
        VALUES (NEW.number, 'refund.asked', NEW.number, NEW.payable_fen, NEW.refund_reason);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER seat_takes_a_step AFTER UPDATE OF settled_at, refund_asked_at ON mall_order
    FOR EACH ROW EXECUTE FUNCTION write_seat_step();

-- How operators look for orders and their money: the newest first, of one team, of one product.
CREATE INDEX mall_order_newest ON mall_order (created_at DESC, number DESC);
CREATE INDEX mall_order_of_team ON mall_order (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX mall_order_of_product ON mall_order (product_id, created_at DESC, number DESC);
CREATE INDEX payment_newest ON payment (opened_at DESC, number DESC);
CREATE INDEX refund_newest ON refund (created_at DESC, number DESC);
CREATE INDEX notify_of_payment ON notify_log (payment_number) WHERE payment_number IS NOT NULL;
CREATE INDEX ledger_entry_by_day ON ledger_entry USING brin (booked_at);
