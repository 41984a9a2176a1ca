-- Up Migration
CREATE TABLE companies (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    website text,
    headquarters text NOT NULL,
    industry text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE jobs (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    company_id integer NOT NULL REFERENCES companies ON DELETE CASCADE,
    title text NOT NULL,
    location text NOT NULL,
    workplace text NOT NULL CHECK (workplace IN ('onsite', 'hybrid', 'remote')),
    employment text NOT NULL CHECK (employment IN ('full-time', 'part-time', 'contract', 'internship')),
    salary_min integer,
    salary_max integer,
    currency char(3),
    tags text[] NOT NULL DEFAULT '{}',
    description text NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT now(),
    CHECK (salary_min <= salary_max),
    CHECK ((salary_min IS NULL) = (currency IS NULL))
);

CREATE INDEX jobs_by_company ON jobs (company_id);
CREATE INDEX jobs_newest_first ON jobs (posted_at DESC, id DESC);
CREATE INDEX jobs_by_tag ON jobs USING gin (tags);

-- Down Migration
DROP TABLE jobs;
DROP TABLE companies;
