-- A hundred thousand campaigns, each with goods of its own, and a segment of a million.
BEGIN;
INSERT INTO campaign SELECT 'q' || n, 'q' || n, 'live', now() - interval '1 day', now() + interval '1 year',
    'q' || n, now() FROM generate_series(5, 100000) n;
INSERT INTO terms SELECT 'q' || n, 'q' || n, 'q' || 1 + n % 4, 5, 10, 1440, 30 FROM generate_series(5, 100000) n;
COMMIT;
INSERT INTO listing SELECT 'mall', 'app', 'q' || n, 'q' || n, 10000 FROM generate_series(5, 100000) n;
INSERT INTO segment_member SELECT 'vip', 'b' || 2 * n FROM generate_series(10001, 1000000) n;
