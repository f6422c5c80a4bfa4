-- SPDX-License-Identifier: GPL-3.0-or-later
-- How far an evaluation's distributions are from the float model's at the scored positions. No row: not asked for.
CREATE TABLE agreements (
    evaluation INTEGER PRIMARY KEY REFERENCES evaluations(id) ON DELETE CASCADE,
    kl_sum     REAL NOT NULL,                                 -- Σ KL(float‖this), natural logarithm
    same_top   INTEGER NOT NULL CHECK (same_top >= 0),        -- positions with the same most likely token
    per_window TEXT NOT NULL REFERENCES tensor(sha256)        -- F64 [windows, 3]: KL sum, positions of equal top-1, first diverging token (-1: none)
);
ALTER TABLE evaluation_progress ADD COLUMN kl REAL;
ALTER TABLE evaluation_progress ADD COLUMN same_top INTEGER;
ALTER TABLE evaluation_progress ADD COLUMN divergence INTEGER;

-- Multiple choice and minimal pairs, one row for each task scored; what came out of every row of the task lies in the tensors.
CREATE TABLE task_scores (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    task       TEXT NOT NULL,                                 -- 'ARC-Easy'
    kind       TEXT NOT NULL CHECK (kind IN ('choice', 'pair')),
    level      TEXT NOT NULL CHECK (level IN ('float', 'simulated', 'integer')),
    placement  TEXT CHECK (placement IN ('paper', 'full')),
    model      INTEGER REFERENCES models(id),
    recipe     INTEGER REFERENCES recipes(id),
    package    INTEGER REFERENCES packages(id),
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    definition TEXT NOT NULL,                                 -- prompt, what is scored, special tokens
    row_hash   TEXT NOT NULL CHECK (length(row_hash) = 64),   -- of ids, labels and lengths: equal for the same rows
    rows       INTEGER NOT NULL CHECK (rows > 0),
    correct    INTEGER NOT NULL CHECK (correct BETWEEN 0 AND rows),
    correct_norm INTEGER CHECK (correct_norm BETWEEN 0 AND rows),  -- by log-probability per byte; NULL for pairs
    outcomes   TEXT NOT NULL REFERENCES tensor(sha256),       -- I32 [rows, 4]: choices, label, predicted, predicted per byte
    log_probabilities TEXT NOT NULL REFERENCES tensor(sha256),  -- F64 [all choices, row after row]
    tags       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    note       TEXT,
    archived   INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
    created    TEXT NOT NULL,
    CHECK ((kind = 'pair') = (correct_norm IS NULL)),
    CHECK (level <> 'float' OR (model IS NOT NULL AND recipe IS NULL AND package IS NULL AND placement IS NULL)),
    CHECK (level <> 'simulated' OR (model IS NOT NULL AND recipe IS NOT NULL AND package IS NULL AND placement IS NOT NULL)),
    CHECK (level <> 'integer' OR (package IS NOT NULL AND placement IS NULL))
);
