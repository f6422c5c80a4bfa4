-- SPDX-License-Identifier: GPL-3.0-or-later
-- What decisions cost against the float model on some windows. The same probe is never done twice, whichever recipe asks for it.
CREATE TABLE probes (
    decisions  TEXT NOT NULL CHECK (length(decisions) = 64),  -- hash of sites and transforms, without who made them
    model      INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL CHECK (length(token_hash) = 64),
    placement  TEXT NOT NULL CHECK (placement IN ('paper', 'full')),
    tokens     INTEGER NOT NULL CHECK (tokens > 0),
    nll_sum    REAL NOT NULL,
    kl_sum     REAL NOT NULL,
    same_top   INTEGER NOT NULL CHECK (same_top >= 0),
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    PRIMARY KEY (decisions, model, token_hash, placement)
) WITHOUT ROWID;
-- Per group of sites, KL per token to the float model. NULL: not probed, not known.
CREATE TABLE sensitivities (
    recipe     INTEGER NOT NULL REFERENCES recipes(id) ON DELETE CASCADE,
    grouping   TEXT NOT NULL CHECK (grouping IN ('site', 'kind', 'layer', 'linear')),
    token_hash TEXT NOT NULL CHECK (length(token_hash) = 64),
    placement  TEXT NOT NULL CHECK (placement IN ('paper', 'full')),
    group_name TEXT NOT NULL,
    sites      INTEGER NOT NULL CHECK (sites > 0),
    kurtosis   REAL,
    alone      REAL,                                          -- only the group quantized
    without    REAL,                                          -- all but the group
    whole      REAL NOT NULL,                                 -- the recipe itself
    introduced_sqnr_db REAL,                                  -- of one site at its own float input; NULL also where nothing changes
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    PRIMARY KEY (recipe, grouping, token_hash, placement, group_name)
) WITHOUT ROWID;
-- Searches for bits under a budget, with every recipe they tried.
CREATE TABLE allocations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    base       INTEGER NOT NULL REFERENCES recipes(id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL CHECK (length(token_hash) = 64),
    placement  TEXT NOT NULL CHECK (placement IN ('paper', 'full')),
    budget     TEXT NOT NULL,
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    created    TEXT NOT NULL
);
CREATE TABLE allocation_trials (
    allocation INTEGER NOT NULL REFERENCES allocations(id) ON DELETE CASCADE,
    position   INTEGER NOT NULL CHECK (position >= 0),
    recipe     INTEGER NOT NULL REFERENCES recipes(id),
    words      TEXT NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes > 0),
    bits_per_weight REAL NOT NULL,
    kl_token   REAL NOT NULL,
    perplexity REAL NOT NULL,
    chosen     INTEGER NOT NULL CHECK (chosen IN (0, 1)),
    PRIMARY KEY (allocation, position)
) WITHOUT ROWID;
-- Smallest and largest value of every activation site in each window of a calibration: whether its ranges have converged.
CREATE TABLE window_ranges (
    calibration INTEGER NOT NULL REFERENCES calibrations(id) ON DELETE CASCADE,
    window      INTEGER NOT NULL CHECK (window >= 0),
    site        TEXT NOT NULL,
    min         REAL NOT NULL,
    max         REAL NOT NULL CHECK (max >= min),
    PRIMARY KEY (calibration, window, site)
) WITHOUT ROWID;
