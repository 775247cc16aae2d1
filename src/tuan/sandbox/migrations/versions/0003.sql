CREATE TABLE wechatpay_order (
    code text COLLATE "C" PRIMARY KEY, -- What its QR code leads to.
    app_id text COLLATE "C" NOT NULL,
    mch_id text COLLATE "C" NOT NULL,
    out_trade_no text COLLATE "C" NOT NULL UNIQUE,
    description text NOT NULL,
    attach text,
    total_fen bigint NOT NULL CHECK (total_fen BETWEEN 1 AND 10000000000),
    notify_url text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    code_until timestamptz NOT NULL,
    -- NOTPAY → SUCCESS → REFUND (some or all of it); NOTPAY → CLOSED
    state text NOT NULL CHECK (state IN ('NOTPAY', 'SUCCESS', 'REFUND', 'CLOSED')),
    transaction_id text COLLATE "C" UNIQUE,
    payer_openid text COLLATE "C",
    paid_at timestamptz,
    closed_at timestamptz,
    refunded_fen bigint NOT NULL DEFAULT 0,
    CHECK (refunded_fen BETWEEN 0 AND total_fen),
    CHECK ((state IN ('SUCCESS', 'REFUND')) = (paid_at IS NOT NULL)),
    CHECK ((paid_at IS NULL) = (transaction_id IS NULL)),
    CHECK ((paid_at IS NULL) = (payer_openid IS NULL)),
    CHECK ((state = 'REFUND') = (refunded_fen > 0)),
    CHECK ((state = 'CLOSED') = (closed_at IS NOT NULL))
);
CREATE INDEX wechatpay_order_paid ON wechatpay_order (paid_at) WHERE paid_at IS NOT NULL;

CREATE TABLE wechatpay_refund (
    refund_number text COLLATE "C" PRIMARY KEY,
    transaction_id text COLLATE "C" NOT NULL REFERENCES wechatpay_order (transaction_id),
    refund_id text COLLATE "C" NOT NULL UNIQUE,
    refund_fen bigint NOT NULL CHECK (refund_fen > 0),
    reason text,
    notify_url text,
    created_at timestamptz NOT NULL,
    succeeds_at timestamptz NOT NULL
);
CREATE INDEX wechatpay_refund_made ON wechatpay_refund (created_at);

-- Alipay's trades are in one table, WeChat Pay's orders in another.
ALTER TABLE notify
    DROP CONSTRAINT notify_trade_no_fkey,
    ADD gateway text NOT NULL DEFAULT 'alipay' CHECK (gateway IN ('alipay', 'wechatpay'));
