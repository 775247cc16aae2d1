-- A seat in each team.
INSERT INTO seat SELECT 'mall', 'L' || n, 'team-' || lpad(n::text, 31, '0'), 'c1', 'g1', 'app', 'p' || n,
    'locked', 10000, 2000, 8000, now(), now() + interval '1 day' FROM generate_series(1, 1000) n;
UPDATE team SET seats_taken = 1;
