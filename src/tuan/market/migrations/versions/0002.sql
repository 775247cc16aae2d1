-- Segments: named sets of buyers. A segment without members admits nobody.
CREATE TABLE segment (
    id           text COLLATE "C" PRIMARY KEY,
    name         text        NOT NULL,
    description  text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL
);

CREATE TABLE segment_member (
    segment_id  text COLLATE "C" NOT NULL,  -- No foreign key: it would ask a million times for one import.
    buyer_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (segment_id, buyer_id)
);

CREATE TABLE segment_import (
    id           text COLLATE "C" PRIMARY KEY,
    segment_id   text COLLATE "C" NOT NULL REFERENCES segment,
    status       text        NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    rows_read    bigint      NOT NULL DEFAULT 0,
    rows_added   bigint      NOT NULL DEFAULT 0,
    duplicates   bigint      NOT NULL DEFAULT 0,
    bad_rows     bigint      NOT NULL DEFAULT 0,
    bad_samples  jsonb       NOT NULL DEFAULT '[]',  -- The first few, with their line numbers.
    started_at   timestamptz NOT NULL,
    heard_at     timestamptz NOT NULL,  -- While it runs: when it was last seen to move.
    ended_at     timestamptz,
    CHECK ((status = 'running') = (ended_at IS NULL)),
    CHECK (status <> 'done' OR rows_read = rows_added + duplicates + bad_rows)
);
CREATE INDEX segment_import_segment ON segment_import (segment_id, started_at);

-- Rows of running imports, on their way to segment_member. After a crash there is nothing here to keep.
CREATE UNLOGGED TABLE segment_staged (
    import_id  text COLLATE "C" NOT NULL,
    buyer_id   text COLLATE "C" NOT NULL
);

CREATE TABLE segment_rule (
    segment_id     text COLLATE "C" PRIMARY KEY REFERENCES segment,
    counts         text        NOT NULL CHECK (counts IN ('seats', 'spent_fen')),
    at_least       bigint      NOT NULL CHECK (at_least > 0),
    window_days    integer     NOT NULL CHECK (window_days BETWEEN 1 AND 3650),
    every_minutes  integer     CHECK (every_minutes BETWEEN 1 AND 525600),  -- NULL: only on demand.
    next_run_at    timestamptz,
    last_run_at    timestamptz,
    last_members   bigint
);

ALTER TABLE discount ADD COLUMN segment_id text COLLATE "C" REFERENCES segment;  -- NULL: for everybody.
ALTER TABLE terms
    ADD COLUMN segment_id text COLLATE "C" REFERENCES segment,
    ADD COLUMN limits_see boolean NOT NULL DEFAULT false,
    ADD COLUMN limits_join boolean NOT NULL DEFAULT false,
    ADD CHECK (segment_id IS NOT NULL OR NOT (limits_see OR limits_join));

-- Switches: settings changed while running. One row, or none while all are as delivered.
CREATE TABLE switchboard (
    id                    boolean PRIMARY KEY DEFAULT true CHECK (id),
    downgraded            boolean NOT NULL DEFAULT false,
    rollout_percent       integer NOT NULL DEFAULT 100 CHECK (rollout_percent BETWEEN 0 AND 100),
    blocked               jsonb   NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(blocked) = 'array'),
    locks_per_minute      integer NOT NULL DEFAULT 30 CHECK (locks_per_minute BETWEEN 1 AND 1000000),
    quotes_per_second     integer NOT NULL DEFAULT 200 CHECK (quotes_per_second BETWEEN 1 AND 1000000)
);
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switchboard
    EXECUTE FUNCTION catalog_changed();

-- Who operates, and what they changed.
CREATE TABLE operator (
    id             text COLLATE "C" PRIMARY KEY,
    name           text COLLATE "C" NOT NULL UNIQUE,
    password_hash  text        NOT NULL,
    role           text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at     timestamptz NOT NULL,
    disabled_at    timestamptz
);

CREATE TABLE operator_session (
    fingerprint  bytea PRIMARY KEY,
    operator_id  text COLLATE "C" NOT NULL REFERENCES operator,
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);

-- Each try to sign in, by a name that may be nobody's, until it succeeds or is long ago.
CREATE TABLE sign_in_try (
    name  text COLLATE "C" NOT NULL,
    at    timestamptz NOT NULL
);
CREATE INDEX sign_in_try_name ON sign_in_try (name, at);
CREATE INDEX sign_in_try_at ON sign_in_try (at);

CREATE TABLE audit_log (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    operator_id  text COLLATE "C" NOT NULL REFERENCES operator,
    action       text COLLATE "C" NOT NULL,
    about        text COLLATE "C" NOT NULL,
    before       jsonb,
    after        jsonb,
    reason       text        NOT NULL DEFAULT ''
);
CREATE INDEX audit_log_about ON audit_log (about);
CREATE FUNCTION refuse_to_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log EXECUTE FUNCTION refuse_to_rewrite();

-- Campaigns have numbers, as in the original: activityId is an integer.
CREATE SEQUENCE campaign_number START 100200;

-- What is due. The order of hold_until is nearly the order of the rows, so a tiny index finds a stretch
-- of time; and unlike one on the status, it lets a settlement update its row in place.
CREATE INDEX team_due ON team (closes_at) WHERE status = 'forming';
CREATE INDEX seat_hold ON seat USING brin (hold_until) WITH (pages_per_range = 16, autosummarize = on);

ALTER TABLE seat ADD COLUMN given_back_at timestamptz;
ALTER TABLE seat ADD CHECK ((given_back_at IS NULL) = (status IN ('locked', 'settled')));

-- Webhooks: a secret being replaced signs beside the new one until its time is over; a delivery that
-- was given up says when. An endpoint in the original's format gets its body and answers its words.
ALTER TABLE endpoint
    ADD COLUMN format text NOT NULL DEFAULT 'standard' CHECK (format IN ('standard', 'original')),
    ADD COLUMN previous_secret text,
    ADD COLUMN previous_secret_until timestamptz,
    ADD CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL));
ALTER TABLE delivery
    ADD COLUMN died_at timestamptz,
    ADD COLUMN tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0);  -- Since it was owed, or owed again by hand.
ALTER TABLE delivery ADD CHECK ((status = 'dead') = (died_at IS NOT NULL));
CREATE INDEX delivery_dead ON delivery (died_at) WHERE status = 'dead';

-- Numbers in the original's shapes, for callers of the original's paths.
CREATE TABLE original_team (
    number   text COLLATE "C" PRIMARY KEY CHECK (number ~ '^[0-9]{8}$'),
    team_id  text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE original_seat (
    number        text COLLATE "C" PRIMARY KEY CHECK (number ~ '^[0-9]{12}$'),
    source        text COLLATE "C" NOT NULL,
    out_trade_no  text COLLATE "C" NOT NULL,
    UNIQUE (source, out_trade_no)
);
