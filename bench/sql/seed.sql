-- One campaign, a thousand teams, and what pgbench calls: the same locks, checks and rows as our flows,
-- one transaction a call, as tight as PL/pgSQL allows.
INSERT INTO source VALUES ('mall', 'mall', now());
INSERT INTO api_key VALUES (sha256('bench-key'), 'mall', now(), NULL);
INSERT INTO discount VALUES ('d1', 'd1', 'percent', 0, 0, 8000, 0);
BEGIN;
INSERT INTO campaign VALUES ('c1', 'c1', 'live', now() - interval '1 day', now() + interval '1 year', 't1', now());
INSERT INTO terms VALUES ('t1', 'c1', 'd1', 2000000000, 1000000, 1440, 30);
COMMIT;
INSERT INTO listing VALUES ('mall', 'app', 'g1', 'c1', 10000);
INSERT INTO team SELECT 'team-' || lpad(n::text, 31, '0'), 'c1', 't1', 'mall', 'g1', 'b0', 10000, 'forming',
    2000000000, 0, 0, now(), now() + interval '1 year', NULL FROM generate_series(1, 1000) n;

CREATE FUNCTION lock_seat(p_no text, p_buyer text, p_team text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE l listing; c campaign; t terms; d discount; payable bigint; list_price bigint; taken int; mine text[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('c1 ' || p_buyer, 0));
  PERFORM 1 FROM seat WHERE source = 'mall' AND out_trade_no = p_no;
  IF FOUND THEN RETURN p_no; END IF;
  SELECT * INTO l FROM listing WHERE source = 'mall' AND channel = 'app' AND goods_id = 'g1';
  SELECT * INTO c FROM campaign WHERE id = l.campaign_id;
  IF c.status <> 'live' OR now() < c.starts_at OR now() >= c.ends_at THEN RAISE 'campaign_closed'; END IF;
  SELECT array_agg(team_id) INTO mine FROM seat
    WHERE campaign_id = c.id AND buyer_id = p_buyer AND status IN ('locked', 'settled');
  IF p_team = ANY (mine) THEN RAISE 'already_in_team'; END IF;
  UPDATE team SET seats_taken = seats_taken + 1
   WHERE id = p_team AND campaign_id = c.id AND goods_id = l.goods_id AND source = 'mall'
     AND status = 'forming' AND closes_at > now() AND seats_taken < seats_target
  RETURNING terms_id, list_fen INTO t.id, list_price;
  IF NOT FOUND THEN RAISE 'team_full'; END IF;
  SELECT * INTO t FROM terms WHERE id = t.id;
  IF cardinality(mine) >= t.take_limit THEN RAISE 'take_limit_reached'; END IF;
  SELECT * INTO d FROM discount WHERE id = t.discount_id;
  payable := CASE d.plan WHEN 'percent' THEN list_price * d.rate_bp / 10000 WHEN 'fixed_price' THEN d.price_fen
    WHEN 'amount_off' THEN list_price - d.off_fen
    ELSE CASE WHEN list_price >= d.over_fen THEN list_price - d.off_fen ELSE list_price END END;
  payable := least(list_price, greatest(1, payable));
  INSERT INTO seat (source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, status, list_fen,
    discount_fen, payable_fen, locked_at, hold_until)
  VALUES ('mall', p_no, p_team, c.id, l.goods_id, 'app', p_buyer, 'locked', list_price, list_price - payable,
    payable, now(), now() + make_interval(mins => t.hold_minutes));
  RETURN p_no;
END $$;

CREATE FUNCTION open_team(p_no text, p_buyer text, p_team text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE l listing; c campaign; t terms; d discount; payable bigint; mine text[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('c1 ' || p_buyer, 0));
  PERFORM 1 FROM seat WHERE source = 'mall' AND out_trade_no = p_no;
  IF FOUND THEN RETURN p_no; END IF;
  SELECT * INTO l FROM listing WHERE source = 'mall' AND channel = 'app' AND goods_id = 'g1';
  SELECT * INTO c FROM campaign WHERE id = l.campaign_id;
  IF c.status <> 'live' OR now() < c.starts_at OR now() >= c.ends_at THEN RAISE 'campaign_closed'; END IF;
  SELECT * INTO t FROM terms WHERE id = c.terms_id;
  SELECT array_agg(team_id) INTO mine FROM seat
    WHERE campaign_id = c.id AND buyer_id = p_buyer AND status IN ('locked', 'settled');
  IF cardinality(mine) >= t.take_limit THEN RAISE 'take_limit_reached'; END IF;
  SELECT * INTO d FROM discount WHERE id = t.discount_id;
  payable := least(l.list_fen, greatest(1, l.list_fen * d.rate_bp / 10000));
  INSERT INTO team VALUES (p_team, c.id, t.id, 'mall', l.goods_id, p_buyer, l.list_fen, 'forming',
    t.seats_target, 1, 0, now(), now() + make_interval(mins => t.team_minutes), NULL);
  INSERT INTO seat (source, out_trade_no, team_id, campaign_id, goods_id, channel, buyer_id, status, list_fen,
    discount_fen, payable_fen, locked_at, hold_until)
  VALUES ('mall', p_no, p_team, c.id, l.goods_id, 'app', p_buyer, 'locked', l.list_fen, l.list_fen - payable,
    payable, now(), now() + make_interval(mins => t.hold_minutes));
  RETURN p_no;
END $$;

CREATE FUNCTION settle_seat(p_no text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE t team; s seat;
BEGIN
  SELECT team_id INTO s.team_id FROM seat WHERE source = 'mall' AND out_trade_no = p_no;
  SELECT * INTO t FROM team WHERE id = s.team_id FOR UPDATE;
  SELECT * INTO s FROM seat WHERE source = 'mall' AND out_trade_no = p_no;
  IF s.status = 'settled' THEN RETURN p_no; END IF;
  IF s.status <> 'locked' THEN RAISE 'seat_gone'; END IF;
  IF t.status <> 'forming' OR now() >= t.closes_at THEN RAISE 'team_closed'; END IF;
  UPDATE seat SET status = 'settled', paid_at = now() WHERE source = 'mall' AND out_trade_no = p_no;
  UPDATE team SET seats_settled = seats_settled + 1,
    status = CASE WHEN seats_settled + 1 = seats_target THEN 'formed' ELSE status END WHERE id = t.id;
  RETURN p_no;
END $$;

-- What is quoted: four goods, a discount of each plan, and a segment with every second buyer in it.
INSERT INTO segment VALUES ('vip', 'vip', '', now());
INSERT INTO segment_member SELECT 'vip', 'b' || 2 * n FROM generate_series(1, 10000) n;
INSERT INTO discount VALUES ('q1', 'q1', 'amount_off', 1000, 0, 10000, 0, 'vip'),
    ('q2', 'q2', 'threshold', 1000, 5000, 10000, 0, 'vip'), ('q3', 'q3', 'percent', 0, 0, 8000, 0, 'vip'),
    ('q4', 'q4', 'fixed_price', 0, 0, 10000, 6900, 'vip');
BEGIN;
INSERT INTO campaign SELECT 'q' || n, 'q' || n, 'live', now() - interval '1 day', now() + interval '1 year',
    'q' || n, now() FROM generate_series(1, 4) n;
INSERT INTO terms SELECT 'q' || n, 'q' || n, 'q' || n, 5, 10, 1440, 30 FROM generate_series(1, 4) n;
COMMIT;
INSERT INTO listing SELECT 'mall', 'app', 'q' || n, 'q' || n, 10000 FROM generate_series(1, 4) n;
