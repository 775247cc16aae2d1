-- Seats to settle, S1 and on; each run takes its own stretch of them.
CREATE SEQUENCE payment;
UPDATE team SET seats_taken = 1000;
INSERT INTO seat SELECT 'mall', 'S' || n, 'team-' || lpad((1 + n % 1000)::text, 31, '0'), 'c1', 'g1', 'app', 'p' || n,
    'locked', 10000, 2000, 8000, now(), now() + interval '1 day' FROM generate_series(1, 600000) n;
