-- A secret belongs to one sign-in, and to no other.
CREATE UNIQUE INDEX login_ticket_browser ON login_ticket (browser);
