-- What Alipay and WeChat would remember of us. Amounts are fen; times are UTC.

-- One opening of the cashier by a browser. There is no trade until its buyer signs in.
CREATE TABLE cashier (
    id text COLLATE "C" PRIMARY KEY,
    app_id text COLLATE "C" NOT NULL,
    product text NOT NULL CHECK (product IN ('page', 'wap')),
    out_trade_no text COLLATE "C" NOT NULL,
    subject text NOT NULL,
    body text,
    total_fen bigint NOT NULL CHECK (total_fen BETWEEN 1 AND 10000000000),
    notify_url text,
    return_url text,
    quit_url text,
    passback_params text,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    buyer_logon_id text,
    CHECK (expires_at > opened_at)
);

CREATE TABLE trade (
    trade_no text COLLATE "C" PRIMARY KEY,
    app_id text COLLATE "C" NOT NULL,
    product text NOT NULL CHECK (product IN ('page', 'wap')),
    out_trade_no text COLLATE "C" NOT NULL,
    subject text NOT NULL,
    body text,
    total_fen bigint NOT NULL CHECK (total_fen BETWEEN 1 AND 10000000000),
    buyer_id text COLLATE "C" NOT NULL,
    buyer_logon_id text NOT NULL,
    notify_url text,
    passback_params text,
    -- WAIT_BUYER_PAY → TRADE_SUCCESS → TRADE_CLOSED (all of it refunded); WAIT_BUYER_PAY → TRADE_CLOSED
    status text NOT NULL CHECK (status IN ('WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_CLOSED')),
    refunded_fen bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    paid_at timestamptz,
    closed_at timestamptz,
    UNIQUE (app_id, out_trade_no),
    CHECK (refunded_fen BETWEEN 0 AND total_fen),
    CHECK (refunded_fen = 0 OR paid_at IS NOT NULL),
    CHECK ((status = 'TRADE_CLOSED') = (closed_at IS NOT NULL)),
    CHECK (status <> 'WAIT_BUYER_PAY' OR paid_at IS NULL),
    CHECK (status <> 'TRADE_SUCCESS' OR (paid_at IS NOT NULL AND refunded_fen < total_fen)),
    CHECK (status <> 'TRADE_CLOSED' OR paid_at IS NULL OR refunded_fen = total_fen)
);
CREATE INDEX trade_unpaid ON trade (expires_at) WHERE status = 'WAIT_BUYER_PAY';

CREATE TABLE refund (
    trade_no text COLLATE "C" NOT NULL REFERENCES trade,
    refund_number text COLLATE "C" NOT NULL,
    refund_fen bigint NOT NULL CHECK (refund_fen > 0),
    reason text,
    refunded_at timestamptz NOT NULL,
    PRIMARY KEY (trade_no, refund_number)
);

-- What the merchant must be told, until it answers "success" or the ladder of attempts ends.
CREATE TABLE notify (
    id text COLLATE "C" PRIMARY KEY,
    trade_no text COLLATE "C" NOT NULL REFERENCES trade,
    url text NOT NULL,
    content jsonb NOT NULL,
    attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at timestamptz,
    acknowledged_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX notify_due ON notify (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notify_trade ON notify (trade_no);

CREATE TABLE delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notify_id text COLLATE "C" NOT NULL REFERENCES notify,
    attempt int NOT NULL CHECK (attempt > 0),
    sent_at timestamptz NOT NULL,
    status int, -- Null when nothing answered; then answer says what went wrong.
    answer text NOT NULL,
    milliseconds int NOT NULL CHECK (milliseconds >= 0)
);
CREATE INDEX delivery_notify ON delivery (notify_id);

CREATE TABLE access_token (
    token text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('stable', 'legacy')),
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE qr (
    id text COLLATE "C" PRIMARY KEY,
    ticket text COLLATE "C" NOT NULL UNIQUE,
    scene text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz -- Null for one that lasts.
);

CREATE TABLE follower (
    openid text COLLATE "C" PRIMARY KEY,
    nickname text NOT NULL,
    followed_at timestamptz NOT NULL
);

CREATE TABLE push (
    id text COLLATE "C" PRIMARY KEY,
    qr_id text COLLATE "C" NOT NULL REFERENCES qr,
    openid text COLLATE "C" NOT NULL REFERENCES follower,
    event text NOT NULL CHECK (event IN ('subscribe', 'SCAN')),
    message text NOT NULL,
    created_at timestamptz NOT NULL,
    acknowledged_at timestamptz
);

CREATE TABLE push_attempt (
    push_id text COLLATE "C" NOT NULL REFERENCES push,
    attempt int NOT NULL CHECK (attempt BETWEEN 1 AND 3),
    sent_at timestamptz NOT NULL,
    status int,
    answer text NOT NULL,
    milliseconds int NOT NULL CHECK (milliseconds >= 0),
    PRIMARY KEY (push_id, attempt)
);
