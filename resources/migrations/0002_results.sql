-- SPDX-License-Identifier: GPL-3.0-or-later
-- What was run, what came out, under which circumstances. Every result names its conditions and the hashes of what it ran on.

CREATE TABLE devices (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT NOT NULL CHECK (kind IN ('local', 'adb')),
    name    TEXT NOT NULL,
    facts   TEXT NOT NULL CHECK (json_valid(facts)),
    created TEXT NOT NULL,
    UNIQUE (kind, name, facts)
);
CREATE TABLE conditions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    device       INTEGER NOT NULL REFERENCES devices(id),
    program      TEXT NOT NULL,                 -- version of Bitwright
    backend      TEXT NOT NULL,                 -- 'LibTorch 2.13.0, CPU', 'bitwright-runner 0.1.0 scalar' …
    threads      INTEGER CHECK (threads > 0),
    load_average REAL CHECK (load_average >= 0),
    governor     TEXT,
    temperature_c REAL,
    power_source TEXT,
    seed         INTEGER,
    created      TEXT NOT NULL
);

CREATE TABLE packages (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256  TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
    path    TEXT NOT NULL,
    bytes   INTEGER NOT NULL CHECK (bytes > 0),
    recipe_hash TEXT NOT NULL,                  -- as its metadata says
    recipe  INTEGER REFERENCES recipes(id),     -- NULL: a package of another workspace
    conversions TEXT CHECK (conversions IS NULL OR json_valid(conversions)),  -- what export changed on the way to integers; NULL: exported elsewhere
    created TEXT NOT NULL
);

CREATE TABLE evaluations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    level      TEXT NOT NULL CHECK (level IN ('float', 'simulated', 'integer')),
    placement  TEXT CHECK (placement IN ('paper', 'full')),
    model      INTEGER REFERENCES models(id),
    recipe     INTEGER REFERENCES recipes(id),
    package    INTEGER REFERENCES packages(id),
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    definition TEXT NOT NULL,                   -- which windows, which ids are scored, which special tokens
    token_hash TEXT NOT NULL CHECK (length(token_hash) = 64),
    text       INTEGER REFERENCES texts(id),
    windows    INTEGER NOT NULL CHECK (windows > 0),
    tokens     INTEGER NOT NULL CHECK (tokens > 0),
    nll_sum    REAL NOT NULL,
    words      INTEGER CHECK (words > 0),       -- of the text; NULL: ids were given
    whole_text INTEGER NOT NULL CHECK (whole_text IN (0, 1)),  -- every id of the text was scored: a perplexity per word exists
    window_nll TEXT NOT NULL REFERENCES tensor(sha256),
    created    TEXT NOT NULL,
    CHECK (whole_text = 0 OR words IS NOT NULL),
    CHECK (level <> 'float' OR (model IS NOT NULL AND recipe IS NULL AND package IS NULL AND placement IS NULL)),
    CHECK (level <> 'simulated' OR (model IS NOT NULL AND recipe IS NOT NULL AND package IS NULL AND placement IS NOT NULL)),
    CHECK (level <> 'integer' OR (package IS NOT NULL AND placement IS NULL))
);
-- Windows an evaluation under way has scored: its checkpoint.
CREATE TABLE evaluation_progress (
    job    INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    window INTEGER NOT NULL CHECK (window >= 0),
    nll    REAL NOT NULL,
    tokens INTEGER NOT NULL CHECK (tokens >= 0),
    PRIMARY KEY (job, window)
) WITHOUT ROWID;

CREATE TABLE layer_errors (
    recipe     INTEGER NOT NULL REFERENCES recipes(id) ON DELETE CASCADE,
    model      INTEGER NOT NULL REFERENCES models(id),
    placement  TEXT NOT NULL CHECK (placement IN ('paper', 'full')),
    token_hash TEXT NOT NULL CHECK (length(token_hash) = 64),
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    layer      INTEGER NOT NULL CHECK (layer >= 0),
    sqnr_db    REAL,                            -- NULL: no error at all
    cosine     REAL,
    introduced_sqnr_db REAL,
    PRIMARY KEY (recipe, placement, token_hash, layer)
) WITHOUT ROWID;

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    package    INTEGER NOT NULL REFERENCES packages(id),
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens > 0),
    generated  INTEGER NOT NULL CHECK (generated >= 0),
    repeats    INTEGER NOT NULL CHECK (repeats > 0),
    state      TEXT NOT NULL CHECK (state IN ('done', 'aborted')),
    output_hash TEXT CHECK (length(output_hash) = 64),   -- of the ids it generated; NULL: aborted
    log        TEXT NOT NULL REFERENCES tensor(sha256),  -- the runner's JSON lines
    start      TEXT NOT NULL,
    finish     TEXT NOT NULL,
    tags       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    note       TEXT,
    archived   INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
    CHECK (state = 'aborted' OR output_hash IS NOT NULL)
);
-- One quantity of a run; its value is the median of its samples. What was not measured has no row.
CREATE TABLE measurements (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    run      INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    quantity TEXT NOT NULL,
    unit     TEXT NOT NULL,
    value    REAL NOT NULL,
    UNIQUE (run, quantity)
);
CREATE TABLE samples (
    measurement INTEGER NOT NULL REFERENCES measurements(id) ON DELETE CASCADE,
    repeat      INTEGER NOT NULL CHECK (repeat >= 0),
    value       REAL NOT NULL,
    PRIMARY KEY (measurement, repeat)
) WITHOUT ROWID;
