CREATE TABLE product (
    id text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_.:*|-]{1,64}$'),
    title text NOT NULL,
    subtitle text NOT NULL,
    description text NOT NULL,
    pictures text[] NOT NULL CHECK (cardinality(pictures) > 0),
    list_fen bigint NOT NULL CHECK (list_fen BETWEEN 1 AND 10000000000)
);

CREATE TABLE buyer (
    id text COLLATE "C" PRIMARY KEY,
    openid text COLLATE "C" NOT NULL UNIQUE,
    nickname text NOT NULL,
    created_at timestamptz NOT NULL
);

-- Secrets are kept as their fingerprints: who reads this table cannot sign in.
CREATE TABLE session (
    fingerprint bytea PRIMARY KEY CHECK (length(fingerprint) = 32),
    buyer_id text COLLATE "C" NOT NULL REFERENCES buyer,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
);

CREATE TABLE login_ticket (
    id text COLLATE "C" PRIMARY KEY,
    browser bytea NOT NULL CHECK (length(browser) = 32),
    url text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    openid text COLLATE "C",
    confirmed_at timestamptz,
    used_at timestamptz,
    CHECK ((openid IS NULL) = (confirmed_at IS NULL)),
    CHECK (used_at IS NULL OR confirmed_at IS NOT NULL)
);

-- WeChat tells its events up to three times; these two columns are what it says tells them apart.
CREATE TABLE wechat_event (
    openid text COLLATE "C" NOT NULL,
    created_second bigint NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (openid, created_second)
);

CREATE TABLE mall_order (
    number text COLLATE "C" PRIMARY KEY CHECK (number ~ '^[0-9A-Z]{20}$'),
    buyer_id text COLLATE "C" NOT NULL REFERENCES buyer,
    idempotency_key text COLLATE "C" NOT NULL,
    request_fingerprint bytea NOT NULL CHECK (length(request_fingerprint) = 32),
    kind text NOT NULL CHECK (kind IN ('group', 'alone')),
    product_id text COLLATE "C" NOT NULL REFERENCES product,
    product_title text NOT NULL,
    product_picture text NOT NULL,
    campaign_id text COLLATE "C",
    team_id text COLLATE "C",
    list_fen bigint NOT NULL CHECK (list_fen <= 10000000000),
    discount_fen bigint NOT NULL CHECK (discount_fen >= 0),
    payable_fen bigint NOT NULL CHECK (payable_fen >= 1),
    created_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN (
        'created',           -- ▶ awaiting_payment, closed
        'awaiting_payment',  -- ▶ paid, closed
        'paid',              -- ▶ ready, refunding
        'ready',             -- ▶ fulfilled, refunding
        'fulfilled',         -- ▶ refunding
        'closed',            -- ▶ refunding
        'refunding',         -- ▶ refunded
        'refunded')),
    paid_at timestamptz,
    settled_at timestamptz,
    ready_at timestamptz,
    fulfilled_at timestamptz,
    closed_at timestamptz,
    refunding_at timestamptz,
    refunded_at timestamptz,
    refusal_code text,
    refusal_status smallint,
    refusal_detail text,
    UNIQUE (buyer_id, idempotency_key),
    CHECK (list_fen = discount_fen + payable_fen),
    CHECK ((kind = 'group') = (campaign_id IS NOT NULL)),
    CHECK (kind = 'group' OR (team_id IS NULL AND discount_fen = 0 AND settled_at IS NULL)),
    CHECK (kind = 'alone' OR team_id IS NOT NULL OR status IN ('created', 'closed')),
    CHECK (status NOT IN ('created', 'awaiting_payment', 'closed') OR paid_at IS NULL),
    CHECK (status NOT IN ('paid', 'ready', 'fulfilled') OR paid_at IS NOT NULL),
    CHECK (status NOT IN ('ready', 'fulfilled') OR ready_at IS NOT NULL),
    CHECK (status <> 'fulfilled' OR fulfilled_at IS NOT NULL),
    CHECK (status <> 'closed' OR closed_at IS NOT NULL),
    CHECK (status NOT IN ('refunding', 'refunded') OR refunding_at IS NOT NULL),
    CHECK ((status = 'refunded') = (refunded_at IS NOT NULL)),
    CHECK (refusal_code IS NULL OR closed_at IS NOT NULL)
);

CREATE INDEX mall_order_of_buyer ON mall_order (buyer_id, created_at DESC, number DESC);

CREATE FUNCTION refuse_order_jump() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('created', 'awaiting_payment'), ('created', 'closed'),
        ('awaiting_payment', 'paid'), ('awaiting_payment', 'closed'),
        ('paid', 'ready'), ('paid', 'refunding'),
        ('ready', 'fulfilled'), ('ready', 'refunding'),
        ('fulfilled', 'refunding'), ('closed', 'refunding'),
        ('refunding', 'refunded'))
    THEN
        RAISE EXCEPTION 'order % cannot go from % to %', OLD.number, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER mall_order_moves BEFORE UPDATE OF status ON mall_order
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION refuse_order_jump();

CREATE TABLE payment (
    number text COLLATE "C" PRIMARY KEY CHECK (number ~ '^[0-9A-Za-z_]{1,64}$'),
    order_number text COLLATE "C" NOT NULL REFERENCES mall_order,
    gateway text NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen BETWEEN 1 AND 10000000000),
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > opened_at),
    status text NOT NULL CHECK (status IN (
        'open',      -- ▶ paid, closed
        'paid',
        'closed')),  -- with a paid_at: money that came too late, and is owed back
    gateway_trade_no text COLLATE "C",
    paid_at timestamptz,
    UNIQUE (gateway, gateway_trade_no),
    CHECK ((paid_at IS NULL) = (gateway_trade_no IS NULL)),
    CHECK (status <> 'open' OR paid_at IS NULL),
    CHECK (status <> 'paid' OR paid_at IS NOT NULL)
);

CREATE UNIQUE INDEX payment_one_that_counts ON payment (order_number) WHERE status IN ('open', 'paid');

CREATE TABLE refund (
    number text COLLATE "C" PRIMARY KEY,
    payment_number text COLLATE "C" NOT NULL UNIQUE REFERENCES payment,
    order_number text COLLATE "C" NOT NULL REFERENCES mall_order,
    gateway text NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen >= 1),
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN (
        'owed',    -- ▶ done
        'done')),
    done_at timestamptz,
    CHECK ((status = 'done') = (done_at IS NOT NULL))
);

CREATE INDEX refund_of_order ON refund (order_number);

-- Every word a gateway ever told us, believed or not.
CREATE TABLE notify_log (
    id text COLLATE "C" PRIMARY KEY,
    gateway text NOT NULL,
    received_at timestamptz NOT NULL,
    payment_number text,
    verdict text NOT NULL,
    raw bytea NOT NULL CHECK (length(raw) <= 65536)
);

CREATE TABLE delivery (
    order_number text COLLATE "C" PRIMARY KEY REFERENCES mall_order,
    code text NOT NULL UNIQUE,
    delivered_at timestamptz NOT NULL
);

-- Webhooks of the market already acted on.
CREATE TABLE inbox (
    webhook_id text COLLATE "C" PRIMARY KEY,
    received_at timestamptz NOT NULL
);
