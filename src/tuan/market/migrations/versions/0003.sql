-- What a piece of these goods costs the shop, where somebody said so: only the console reads it.
ALTER TABLE listing ADD COLUMN cost_fen bigint CHECK (cost_fen BETWEEN 1 AND 100000000000);

-- How often an offer was quoted, by the day in Beijing on which the count was saved.
CREATE TABLE quote_count (
    campaign_id text COLLATE "C" NOT NULL REFERENCES campaign,
    day         date NOT NULL,
    quotes      bigint NOT NULL CHECK (quotes > 0),
    PRIMARY KEY (campaign_id, day)
);
