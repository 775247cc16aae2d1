-- A million teams more, and ten million seats. The indexes are built when the rows are in: that is much faster.
SET maintenance_work_mem = '256MB';
CREATE TEMP TABLE put_off AS
    SELECT 1 AS turn, format('ALTER TABLE seat DROP CONSTRAINT %I', conname) AS away,
        format('ALTER TABLE seat ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) AS back
    FROM pg_constraint WHERE conrelid = 'seat'::regclass AND contype IN ('p', 'u', 'f')
    UNION ALL
    SELECT 2, format('DROP INDEX %I', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = 'seat'::regclass AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE conindid = indexrelid);
DO $$ DECLARE away text; BEGIN FOR away IN SELECT put_off.away FROM put_off LOOP EXECUTE away; END LOOP; END $$;

INSERT INTO team SELECT 'team-' || lpad(n::text, 31, '0'), 'c1', 't1', 'mall', 'g1', 'b0', 10000, 'forming',
    2000000000, 10, 0, now(), now() + interval '1 year', NULL FROM generate_series(1001, 1000000) n;
INSERT INTO seat SELECT 'mall', 'L' || n, 'team-' || lpad((1 + n % 1000000)::text, 31, '0'), 'c1', 'g1', 'app',
    'p' || n, 'locked', 10000, 2000, 8000, now(), now() + interval '1 day' FROM generate_series(1, 10000000) n;
UPDATE team SET seats_taken = 10 WHERE id <= 'team-' || lpad('1000', 31, '0');

DO $$ DECLARE back text; BEGIN
    FOR back IN SELECT put_off.back FROM put_off ORDER BY turn LOOP EXECUTE back; END LOOP; END $$;
