\set buyer random(1, 9000000000000000)
\set no random(1, 9000000000000000)
SELECT lock_seat('T' || :no, 'b' || :buyer, 'team-' || lpad('1', 31, '0'));
