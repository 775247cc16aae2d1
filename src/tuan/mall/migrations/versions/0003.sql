-- One day of Beijing at one gateway, held against our books. Amounts are fen, as the last bill had them.
CREATE TABLE reconciliation (
    gateway text COLLATE "C" NOT NULL,
    day date NOT NULL,
    status text NOT NULL CHECK (status IN (
        'waiting',   -- ▶ done
        'done')),    -- and done again, when an operator asks for it
    tries integer NOT NULL CHECK (tries >= 0),  -- That ended without a bill.
    trouble text,                               -- How the last of them ended.
    ask_at timestamptz,                         -- When it is tried next.
    lines integer NOT NULL CHECK (lines >= 0),
    taken_fen bigint NOT NULL,
    given_back_fen bigint NOT NULL,
    fees_fen bigint NOT NULL,
    started_at timestamptz NOT NULL,
    done_at timestamptz,
    PRIMARY KEY (gateway, day),
    CHECK ((status = 'done') = (ask_at IS NULL)),
    CHECK ((status = 'done') = (done_at IS NOT NULL))
);

-- What a gateway's bill and our books say alike. What was confirmed once stays so, whatever comes after.
CREATE TABLE bill_line (
    gateway text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('payment', 'refund')),
    number text COLLATE "C" NOT NULL,  -- Of our payment, or of our refund.
    day date NOT NULL,
    gateway_trade_no text COLLATE "C" NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen >= 1),
    fee_fen bigint NOT NULL,  -- Negative when the gateway gave it back.
    billed_at timestamptz NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (gateway, kind, number),
    FOREIGN KEY (gateway, day) REFERENCES reconciliation,
    CHECK (CASE kind WHEN 'payment' THEN fee_fen >= 0 ELSE fee_fen <= 0 END)
);

CREATE TRIGGER bill_line_is_history BEFORE UPDATE OR DELETE ON bill_line
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

-- Where they differ, and what each says. Amounts are fen; none is silence.
CREATE TABLE reconciliation_break (
    id text COLLATE "C" PRIMARY KEY,
    gateway text COLLATE "C" NOT NULL,
    day date NOT NULL,
    kind text COLLATE "C" NOT NULL,
    about text COLLATE "C" NOT NULL,
    order_number text COLLATE "C",
    ours_fen bigint,
    ledger_fen bigint,
    bill_fen bigint,
    detail text NOT NULL,
    status text NOT NULL CHECK (status IN (
        'open',      -- ▶ repaired, resolved
        'repaired',  -- ▶ open: a later bill does not agree after all
        'resolved')),  -- by an operator; ▶ open: a later bill says something else again
    found_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    reason text,
    UNIQUE (gateway, kind, about),
    FOREIGN KEY (gateway, day) REFERENCES reconciliation,
    CHECK ((status = 'open') = (ended_at IS NULL)),
    CHECK ((status = 'open') = (ended_by IS NULL)),
    CHECK ((status = 'resolved') = (reason IS NOT NULL))
);

CREATE INDEX reconciliation_break_of_day ON reconciliation_break (gateway, day);
CREATE INDEX reconciliation_break_about ON reconciliation_break (about);
CREATE INDEX reconciliation_break_open ON reconciliation_break (found_at) WHERE status = 'open';

CREATE INDEX payment_paid ON payment (paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX refund_done ON refund (done_at) WHERE done_at IS NOT NULL;
