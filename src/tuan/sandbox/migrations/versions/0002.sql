-- A bill somebody has asked for, until its link ends.
CREATE TABLE bill_link (
    token text COLLATE "C" PRIMARY KEY,
    file_name text NOT NULL,
    file bytea NOT NULL,
    expires_at timestamptz NOT NULL
);

-- What is to be wrong with the next bill of a day, or of a month.
CREATE TABLE bill_trouble (
    id text COLLATE "C" PRIMARY KEY,
    period text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'missing_row', 'extra_row', 'changed_amount', 'changed_fee', 'wrong_number', 'refused')),
    out_trade_no text COLLATE "C",
    refund_number text COLLATE "C", -- Null for the row of the payment.
    amount_fen bigint CHECK (amount_fen BETWEEN 0 AND 10000000000),
    says text,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK ((kind = 'refused') = (out_trade_no IS NULL)),
    CHECK ((kind IN ('extra_row', 'changed_amount', 'changed_fee')) = (amount_fen IS NOT NULL)),
    CHECK ((kind IN ('wrong_number', 'refused')) = (says IS NOT NULL))
);
CREATE INDEX bill_trouble_waiting ON bill_trouble (period) WHERE used_at IS NULL;

CREATE INDEX trade_paid ON trade (paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX refund_made ON refund (refunded_at);
