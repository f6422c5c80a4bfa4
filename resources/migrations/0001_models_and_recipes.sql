-- SPDX-License-Identifier: GPL-3.0-or-later
-- Inputs, decisions and the work that makes them. Unknown is NULL, never 0. Times are UTC, ISO 8601.

-- Values too long for a row, content-addressed. data NULL: the file NAME.bitwright.data/<sha256>.safetensors holds it.
-- dtype 'safetensors': data is a whole safetensors file (shape []).
CREATE TABLE tensor (
    sha256  TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    dtype   TEXT NOT NULL,
    shape   TEXT NOT NULL CHECK (json_valid(shape)),
    bytes   INTEGER NOT NULL CHECK (bytes >= 0),
    data    BLOB CHECK (data IS NULL OR length(data) = bytes),
    created TEXT NOT NULL
);

-- A model is its content; where it lies may change.
CREATE TABLE models (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    content_hash TEXT NOT NULL UNIQUE CHECK (length(content_hash) = 64),
    family       TEXT NOT NULL,
    architecture TEXT NOT NULL,
    parameters   INTEGER CHECK (parameters > 0),
    weight_bytes INTEGER CHECK (weight_bytes > 0),
    created      TEXT NOT NULL
);
CREATE TABLE model_places (
    identity TEXT PRIMARY KEY,          -- hash of config, headers, sizes and times: known at once
    model    INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    path     TEXT NOT NULL,
    seen     TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE texts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256  TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
    path    TEXT NOT NULL,
    bytes   INTEGER NOT NULL CHECK (bytes >= 0),
    created TEXT NOT NULL
);

CREATE TABLE calibrations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT NOT NULL UNIQUE CHECK (length(key) = 64),   -- the same calibration is never done twice
    model      INTEGER NOT NULL REFERENCES models(id),
    transforms TEXT NOT NULL,                                   -- hash of the transforms before it, '' for none
    token_hash TEXT NOT NULL CHECK (length(token_hash) = 64),
    settings   TEXT NOT NULL,
    windows    INTEGER NOT NULL CHECK (windows > 0),
    length     INTEGER NOT NULL CHECK (length > 0),
    origin     TEXT NOT NULL,
    text       INTEGER REFERENCES texts(id),
    tokens     TEXT NOT NULL REFERENCES tensor(sha256),
    statistics TEXT NOT NULL REFERENCES tensor(sha256),
    created    TEXT NOT NULL
);
CREATE TABLE statistics (
    calibration INTEGER NOT NULL REFERENCES calibrations(id) ON DELETE CASCADE,
    site        TEXT NOT NULL,
    count       INTEGER NOT NULL CHECK (count > 0),
    min         REAL NOT NULL,
    max         REAL NOT NULL,
    mean        REAL NOT NULL,
    sigma       REAL NOT NULL,
    kurtosis    REAL,                   -- NULL where σ is 0
    entropy     REAL,
    PRIMARY KEY (calibration, site)
) WITHOUT ROWID;

CREATE TABLE recipes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    hash        TEXT NOT NULL CHECK (length(hash) = 64),
    model       INTEGER REFERENCES models(id),                  -- NULL: imported before its model was seen
    parent      INTEGER REFERENCES recipes(id),
    revision    INTEGER NOT NULL CHECK (revision > 0),
    name        TEXT,
    method      TEXT NOT NULL,
    calibration INTEGER REFERENCES calibrations(id),
    json        TEXT NOT NULL CHECK (json_valid(json)),
    steps       INTEGER CHECK (steps >= 0),
    cpu_seconds REAL CHECK (cpu_seconds >= 0),
    seconds_per_step REAL CHECK (seconds_per_step >= 0),
    peak_rss_bytes   INTEGER CHECK (peak_rss_bytes > 0),
    created     TEXT NOT NULL,
    CHECK (parent IS NOT NULL OR revision = 1)
);
CREATE INDEX recipes_name ON recipes(name) WHERE name IS NOT NULL;
CREATE INDEX recipes_hash ON recipes(hash);
CREATE TABLE recipe_tensors (
    recipe INTEGER NOT NULL REFERENCES recipes(id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL REFERENCES tensor(sha256),
    PRIMARY KEY (recipe, sha256)
) WITHOUT ROWID;

-- Work under way or done. A row 'running' whose process is gone shows as interrupted.
CREATE TABLE jobs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           TEXT NOT NULL,
    key            TEXT NOT NULL,                               -- equal for the same command on the same input
    args           TEXT NOT NULL CHECK (json_valid(args)),
    state          TEXT NOT NULL CHECK (state IN ('running', 'paused', 'done', 'failed', 'cancelled')),
    checkpoint     TEXT,
    process        INTEGER NOT NULL,
    process_start  TEXT NOT NULL,                               -- boot id and start tick: process ids come again
    start          TEXT NOT NULL,
    heartbeat      TEXT NOT NULL,
    finish         TEXT,
    stage          TEXT,
    progress_done  INTEGER CHECK (progress_done >= 0),
    progress_total INTEGER CHECK (progress_total > 0),
    result         TEXT,                                        -- 'recipe:14' …
    message        TEXT,                                        -- why it failed
    CHECK ((finish IS NULL) = (state IN ('running', 'paused')))
);
CREATE INDEX jobs_key ON jobs(key);
