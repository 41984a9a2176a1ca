-- Up Migration

-- What happened and isn't yet with the broker: written in the transaction of its cause, so none is lost.
CREATE TABLE outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    type text NOT NULL,
    payload jsonb NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX outbox_oldest_first ON outbox (occurred_at);

-- What came back from the broker: the audit. The id is the outbox's, so a redelivery is recorded once.
CREATE TABLE events (
    id uuid PRIMARY KEY,
    type text NOT NULL,
    payload jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX events_newest_first ON events (recorded_at DESC);

-- Down Migration
DROP TABLE events;
DROP TABLE outbox;
