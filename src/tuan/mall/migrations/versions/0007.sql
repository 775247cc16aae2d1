-- A guest has shown us no WeChat: openid is null. Who later signs in with one, in the guest's browser, is who
-- the guest became, and has the guest's orders. The orders themselves keep the id they were placed under.
ALTER TABLE buyer
    ALTER openid DROP NOT NULL,
    ADD became text COLLATE "C" REFERENCES buyer,
    ADD CHECK (became IS NULL OR openid IS NULL);

CREATE INDEX buyer_became ON buyer (became) WHERE became IS NOT NULL;

ALTER TABLE session
    ADD device text NOT NULL DEFAULT '',
    ADD idle_for interval NOT NULL DEFAULT '7 days' CHECK (idle_for > '0');  -- Unused for so long, it is over.

ALTER TABLE session ALTER device DROP DEFAULT, ALTER idle_for DROP DEFAULT;

CREATE INDEX session_of_buyer ON session (buyer_id);

-- A scan alone signs nobody in: whoever scanned is told which browser asks, and confirms.
ALTER TABLE login_ticket
    ADD device text NOT NULL DEFAULT '',
    ADD address text NOT NULL DEFAULT '',
    ADD scan_confirms boolean NOT NULL DEFAULT false,  -- As a page of the original's has it.
    ADD scanned_at timestamptz,
    DROP CONSTRAINT login_ticket_check1;

UPDATE login_ticket SET scanned_at = confirmed_at;

ALTER TABLE login_ticket
    ALTER device DROP DEFAULT,
    ALTER address DROP DEFAULT,
    ALTER scan_confirms DROP DEFAULT,
    ADD CHECK ((openid IS NULL) = (scanned_at IS NULL)),
    ADD CHECK (confirmed_at IS NULL OR scanned_at IS NOT NULL);

-- How much of each allowance is used: it is whole again at `whole_at`.
CREATE TABLE allowance (
    name text NOT NULL,
    who text COLLATE "C" NOT NULL,
    whole_at timestamptz NOT NULL,
    PRIMARY KEY (name, who)
);
