-- What goes wrong on purpose. Doors and kinds are listed in trouble.py alone: each branch of the house adds its own.
CREATE TABLE trouble (
    id text COLLATE "C" PRIMARY KEY, -- In the order they were made.
    door text NOT NULL,
    kind text NOT NULL,
    about text, -- Null befalls whoever comes.
    method text, -- Null befalls every call.
    measure int CHECK (measure > 0),
    times_left int CHECK (times_left >= 0), -- Null lasts until it is removed.
    times_met int NOT NULL CHECK (times_met >= 0),
    made_at timestamptz NOT NULL
);

-- When the merchant first asked about it and heard that it is paid.
ALTER TABLE trade ADD queried_at timestamptz CHECK (queried_at IS NULL OR paid_at IS NOT NULL);

-- The trouble that once kept it back; no other does so again. It may be gone by now.
ALTER TABLE notify ADD kept_back_by text COLLATE "C";

-- Null for a push that leaves at once, or has left.
ALTER TABLE push ADD due_at timestamptz;
CREATE INDEX push_due ON push (due_at) WHERE due_at IS NOT NULL;
