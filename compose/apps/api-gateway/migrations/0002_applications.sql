-- Up Migration
CREATE TABLE applications (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id integer NOT NULL REFERENCES jobs ON DELETE CASCADE,
    name text NOT NULL,
    email text NOT NULL,
    note text,
    status text NOT NULL DEFAULT 'received'
        CHECK (status IN ('received', 'screening', 'interview', 'offer', 'declined')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_id, email)
);

CREATE INDEX applications_newest_first ON applications (created_at DESC, id DESC);

-- Down Migration
DROP TABLE applications;
