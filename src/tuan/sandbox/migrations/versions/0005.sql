ALTER TABLE push
    ALTER qr_id DROP NOT NULL,  -- A push about a message comes from no code.
    ADD reply text,             -- What whoever scanned reads in the account's conversation.
    DROP CONSTRAINT push_event_check,
    ADD CONSTRAINT push_event_check CHECK (event IN ('subscribe', 'SCAN', 'TEMPLATESENDJOBFINISH'));

-- Template messages, as they stand in a follower's conversation with the account.
CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 200228332) PRIMARY KEY,
    openid text COLLATE "C" NOT NULL REFERENCES follower,
    client_msg_id text COLLATE "C",
    template_id text NOT NULL,
    url text NOT NULL,
    lines text[] NOT NULL,
    sent_at timestamptz NOT NULL
);
CREATE INDEX message_of_follower ON message (openid, sent_at DESC);
