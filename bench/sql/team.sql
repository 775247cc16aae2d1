-- One team to watch.
INSERT INTO team VALUES ('team-' || lpad('1', 31, '0'), 'c1', 't1', 'mall', 'g1', 'b0', 10000, 'forming',
    5, 0, 0, now(), now() + interval '1 year', NULL);
