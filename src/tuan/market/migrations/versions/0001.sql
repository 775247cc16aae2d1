-- The market's tables. Ids compare byte by byte ("C"), so every process sorts, and locks, alike.

CREATE TABLE source (
    id          text COLLATE "C" PRIMARY KEY,
    name        text        NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE api_key (
    fingerprint  bytea PRIMARY KEY,  -- SHA-256 of the key; the key itself is shown once and kept by nobody.
    source       text COLLATE "C" NOT NULL REFERENCES source,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);

CREATE TABLE discount (
    id         text COLLATE "C" PRIMARY KEY,
    name       text    NOT NULL,
    plan       text    NOT NULL CHECK (plan IN ('amount_off', 'threshold', 'percent', 'fixed_price')),
    off_fen    bigint  NOT NULL DEFAULT 0 CHECK (off_fen >= 0),
    over_fen   bigint  NOT NULL DEFAULT 0 CHECK (over_fen >= 0),
    rate_bp    integer NOT NULL DEFAULT 10000 CHECK (rate_bp BETWEEN 0 AND 10000),
    price_fen  bigint  NOT NULL DEFAULT 0 CHECK (price_fen >= 0)
);

CREATE TABLE campaign (
    id          text COLLATE "C" PRIMARY KEY,
    name        text        NOT NULL,
    status      text        NOT NULL CHECK (status IN ('draft', 'live', 'ended')),
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL CHECK (starts_at < ends_at),
    terms_id    text COLLATE "C" NOT NULL,  -- The newest; teams keep the ones they opened with.
    created_at  timestamptz NOT NULL
);

CREATE TABLE terms (
    id            text COLLATE "C" PRIMARY KEY,
    campaign_id   text COLLATE "C" NOT NULL REFERENCES campaign DEFERRABLE INITIALLY DEFERRED,
    discount_id   text COLLATE "C" NOT NULL REFERENCES discount,
    seats_target  integer NOT NULL CHECK (seats_target BETWEEN 1 AND 2000000000),
    take_limit    integer NOT NULL CHECK (take_limit > 0),
    team_minutes  integer NOT NULL CHECK (team_minutes > 0),
    hold_minutes  integer NOT NULL CHECK (hold_minutes BETWEEN 1 AND 1440)
);
ALTER TABLE campaign ADD FOREIGN KEY (terms_id) REFERENCES terms DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE listing (
    source       text COLLATE "C" NOT NULL REFERENCES source,
    channel      text COLLATE "C" NOT NULL,
    goods_id     text COLLATE "C" NOT NULL,
    campaign_id  text COLLATE "C" NOT NULL REFERENCES campaign,
    list_fen     bigint NOT NULL CHECK (list_fen BETWEEN 1 AND 10000000000),
    PRIMARY KEY (source, channel, goods_id)
);

CREATE TABLE team (
    id             text COLLATE "C" PRIMARY KEY,
    campaign_id    text COLLATE "C" NOT NULL,
    terms_id       text COLLATE "C" NOT NULL,
    source         text COLLATE "C" NOT NULL,
    goods_id       text COLLATE "C" NOT NULL,
    opener_id      text COLLATE "C" NOT NULL,
    list_fen       bigint      NOT NULL,
    status         text        NOT NULL CHECK (status IN ('forming', 'formed', 'failed')),
    seats_target   integer     NOT NULL,
    seats_taken    integer     NOT NULL CHECK (seats_taken <= seats_target),
    seats_settled  integer     NOT NULL CHECK (seats_settled BETWEEN 0 AND seats_taken),
    opened_at      timestamptz NOT NULL,
    closes_at      timestamptz NOT NULL CHECK (closes_at > opened_at),
    closed_at      timestamptz,
    CHECK ((status = 'formed') = (seats_settled = seats_target)),
    CHECK ((status = 'forming') = (closed_at IS NULL))
) WITH (fillfactor = 70);  -- Room beside each row for its next version: no index is touched.
CREATE INDEX team_campaign ON team (campaign_id, status, closes_at);

CREATE TABLE seat (
    source        text COLLATE "C" NOT NULL,
    out_trade_no  text COLLATE "C" NOT NULL,
    team_id       text COLLATE "C" NOT NULL REFERENCES team,
    campaign_id   text COLLATE "C" NOT NULL,
    goods_id      text COLLATE "C" NOT NULL,
    channel       text COLLATE "C" NOT NULL,
    buyer_id      text COLLATE "C" NOT NULL,
    status        text   NOT NULL CHECK (status IN ('locked', 'settled', 'released', 'refunded')),
    list_fen      bigint NOT NULL,
    discount_fen  bigint NOT NULL CHECK (discount_fen >= 0),
    payable_fen   bigint NOT NULL CHECK (payable_fen > 0),
    locked_at     timestamptz NOT NULL,
    hold_until    timestamptz NOT NULL,
    paid_at       timestamptz,
    -- Empty while the seat is held; its order number once given back, so that the buyer may sit here
    -- again. The status itself in an index would make every settlement touch every index.
    given_back    text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (source, out_trade_no),
    UNIQUE (team_id, buyer_id, given_back),
    CHECK (list_fen = discount_fen + payable_fen),
    CHECK (status IN ('locked', 'released') OR paid_at IS NOT NULL),
    CHECK (given_back = CASE WHEN status IN ('locked', 'settled') THEN '' ELSE out_trade_no END)
) WITH (fillfactor = 80);
CREATE INDEX seat_buyer ON seat (campaign_id, buyer_id);

-- What a source wants to hear, and where.
CREATE TABLE endpoint (
    id           text COLLATE "C" PRIMARY KEY,
    source       text COLLATE "C" NOT NULL REFERENCES source,
    url          text        NOT NULL,
    secret       text        NOT NULL,
    created_at   timestamptz NOT NULL,
    disabled_at  timestamptz
);
CREATE INDEX endpoint_source ON endpoint (source);

CREATE TABLE event (
    id          text COLLATE "C" PRIMARY KEY,
    source      text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    about       text COLLATE "C" NOT NULL,  -- The team, or the order number.
    data        jsonb       NOT NULL,
    created_at  timestamptz NOT NULL,
    UNIQUE (kind, source, about)  -- The same thing cannot happen twice.
);

CREATE TABLE delivery (
    event_id      text COLLATE "C" NOT NULL REFERENCES event,
    endpoint_id   text COLLATE "C" NOT NULL REFERENCES endpoint,
    status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
    delivered_at  timestamptz,
    PRIMARY KEY (event_id, endpoint_id),
    CHECK ((status = 'delivered') = (delivered_at IS NOT NULL))
);

CREATE TABLE attempt (
    event_id      text COLLATE "C" NOT NULL,
    endpoint_id   text COLLATE "C" NOT NULL,
    at            timestamptz NOT NULL,
    status_code   integer,  -- NULL: no answer came.
    milliseconds  integer NOT NULL,
    answer        text    NOT NULL,
    FOREIGN KEY (event_id, endpoint_id) REFERENCES delivery
);
CREATE INDEX attempt_delivery ON attempt (event_id, endpoint_id);

-- Quotes and keys are answered from memory; whoever changes what they are made of says so here.
CREATE FUNCTION catalog_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('catalog', '');
    RETURN NULL;
END $$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON api_key EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON campaign EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON listing EXECUTE FUNCTION catalog_changed();
