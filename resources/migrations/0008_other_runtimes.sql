-- SPDX-License-Identifier: GPL-3.0-or-later
-- Runs of other runtimes (llama.cpp, QNN, ExecuTorch …): they give no ids to compare, and where they computed stands only as far as their output proves it.
CREATE TABLE runs_of_any_runtime (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    package    INTEGER NOT NULL REFERENCES packages(id),
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens > 0),
    generated  INTEGER NOT NULL CHECK (generated >= 0),
    repeats    INTEGER NOT NULL CHECK (repeats > 0),
    state      TEXT NOT NULL CHECK (state IN ('done', 'aborted')),
    output_hash TEXT CHECK (length(output_hash) = 64),   -- of the ids it generated; NULL: aborted, or another runtime's
    log        TEXT NOT NULL REFERENCES tensor(sha256),  -- the runner's JSON lines; of other runtimes what they printed
    start      TEXT NOT NULL,
    finish     TEXT NOT NULL,
    tags       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    note       TEXT,
    archived   INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
    runtime    TEXT NOT NULL DEFAULT 'bitwright',        -- 'llama.cpp', 'qnn-net-run' …
    offload    TEXT CHECK (offload IN ('CPU', 'unverified accelerator', 'verified accelerator')),  -- NULL: our own runner, on the processor
    evidence   TEXT,                                     -- the line of the output that proves it; NULL: none
    CHECK (state = 'aborted' OR output_hash IS NOT NULL OR runtime <> 'bitwright'),
    CHECK ((runtime = 'bitwright') = (offload IS NULL)),
    CHECK (offload IS NOT 'verified accelerator' OR evidence IS NOT NULL)
);
INSERT INTO runs_of_any_runtime (id, package, conditions, prompt_tokens, generated, repeats, state, output_hash, log, start, finish, tags, note, archived)
    SELECT id, package, conditions, prompt_tokens, generated, repeats, state, output_hash, log, start, finish, tags, note, archived FROM runs;
DROP TABLE runs;
ALTER TABLE runs_of_any_runtime RENAME TO runs;
