\set buyer random(1, 9000000000000000)
\set no random(1, 9000000000000000)
SELECT open_team('T' || :no, 'b' || :buyer, 'new-' || lpad(:no::text, 28, '0'));
