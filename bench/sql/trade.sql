-- What a trade cannot but write, in the transactions it cannot but have: each ends before somebody else is asked.
\set no random(1, 9000000000000000)
\set team :no / 3
INSERT INTO orders VALUES ('O' || :no, 'b1', 'created', 8000, NULL, now());
BEGIN;
INSERT INTO teams VALUES ('t' || :team, 1, 0, 'forming') ON CONFLICT (id) DO UPDATE SET taken = teams.taken + 1;
INSERT INTO seats VALUES ('O' || :no, 't' || :team, 'b' || :no, 'locked', 8000, now());
COMMIT;
BEGIN;
UPDATE orders SET status = 'awaiting_payment', team = 't' || :team WHERE no = 'O' || :no;
INSERT INTO payments VALUES ('P' || :no, 'O' || :no, 'open', 8000, now());
COMMIT;
BEGIN;
INSERT INTO notifies VALUES ('N' || :no, repeat('notify ', 100), now());
SELECT status FROM orders WHERE no = 'O' || :no FOR UPDATE;
UPDATE orders SET status = 'paid' WHERE no = 'O' || :no;
UPDATE payments SET status = 'paid' WHERE no = 'P' || :no;
INSERT INTO entries (order_no, account, fen) VALUES ('O' || :no, 'gateway', 8000), ('O' || :no, 'owed', -8000);
COMMIT;
BEGIN;
UPDATE teams SET settled = settled + 1 WHERE id = 't' || :team;
UPDATE seats SET status = 'settled' WHERE no = 'O' || :no;
COMMIT;
BEGIN;
UPDATE orders SET status = 'ready' WHERE no = 'O' || :no;
COMMIT;
BEGIN;
UPDATE orders SET status = 'fulfilled' WHERE no = 'O' || :no;
INSERT INTO deliveries VALUES ('O' || :no, now());
COMMIT;
