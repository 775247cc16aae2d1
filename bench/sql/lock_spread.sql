\set buyer random(1, 9000000000000000)
\set no random(1, 9000000000000000)
\set team random(1, 1000)
SELECT lock_seat('T' || :no, 'b' || :buyer, 'team-' || lpad(:team::text, 31, '0'));
