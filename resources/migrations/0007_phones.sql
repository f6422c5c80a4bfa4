-- SPDX-License-Identifier: GPL-3.0-or-later
-- What a measurement on a phone needs beyond one on this computer. Simulated is never hardware. No serial number is stored: a phone is its identity, a hash.
CREATE TABLE devices_of_three_kinds (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL CHECK (kind IN ('local', 'phone', 'simulated')),
    identity TEXT NOT NULL DEFAULT '',          -- of a phone: the same for one phone, tells no serial; '' for this computer
    name     TEXT NOT NULL,
    facts    TEXT NOT NULL CHECK (json_valid(facts)),
    created  TEXT NOT NULL,
    UNIQUE (kind, identity, name, facts),
    CHECK (kind = 'local' OR identity <> '')
);
INSERT INTO devices_of_three_kinds (id, kind, identity, name, facts, created)
    SELECT id, CASE kind WHEN 'adb' THEN 'phone' ELSE kind END, CASE kind WHEN 'adb' THEN 'unknown' ELSE '' END, name, facts, created FROM devices;
DROP TABLE devices;
ALTER TABLE devices_of_three_kinds RENAME TO devices;

-- The circumstances of a run on a phone. NULL: the phone did not say. Samples over time are in the run's log.
CREATE TABLE device_runs (
    run          INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
    answer       TEXT NOT NULL CHECK (answer IN ('same', 'wrong', 'unchecked')),  -- its output ids against this computer's engine
    expected_hash TEXT CHECK (length(expected_hash) = 64),                        -- of the ids this computer's engine gives; NULL: not computed
    plan         TEXT NOT NULL CHECK (json_valid(plan)),                          -- warm-up, pinning, cooling … as asked
    before       TEXT CHECK (before IS NULL OR json_valid(before)),                                 -- the phone's state: battery, temperatures, memory, screen
    after        TEXT CHECK (after IS NULL OR json_valid(after)),
    thermal_before  INTEGER CHECK (thermal_before BETWEEN 0 AND 6),               -- Android's thermal status: 0 none … 6 shutdown
    thermal_highest INTEGER CHECK (thermal_highest BETWEEN 0 AND 6),              -- while it ran
    thermal_after   INTEGER CHECK (thermal_after BETWEEN 0 AND 6),
    battery_before_c  REAL,
    battery_highest_c REAL,
    level_before REAL CHECK (level_before BETWEEN 0 AND 100),
    level_after  REAL CHECK (level_after BETWEEN 0 AND 100),
    screen_on    INTEGER CHECK (screen_on IN (0, 1)),
    memory_available INTEGER CHECK (memory_available > 0),                        -- bytes, before
    frequencies  TEXT CHECK (frequencies IS NULL OR json_valid(frequencies)),                            -- per CPU, while it ran: [{cpu, min_khz, median_khz, max_khz}]
    session      TEXT,                          -- runs that belong together (A B B A)
    position     INTEGER CHECK (position >= 0),
    CHECK (answer = 'unchecked' OR expected_hash IS NOT NULL),
    CHECK ((session IS NULL) = (position IS NULL))
);

-- Energy of a run's phases. No number without a tier that allows one: X (plugged in, unreadable, too short) has a reason only.
CREATE TABLE energy (
    run     INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    phase   TEXT NOT NULL CHECK (phase IN ('prefill', 'decode', 'run')),
    tier    TEXT NOT NULL CHECK (tier IN ('A', 'B', 'C', 'X')),
    source  TEXT NOT NULL,                      -- 'battery gauge', 'charge counter', 'power rails', 'external meter' …
    reason  TEXT,                               -- why there is no number, or no better tier
    flags   TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(flags)),
    gross_j REAL, gross_u REAL,                 -- per run, mean and half of the 95 % interval
    net_j   REAL, net_u REAL,                   -- above idle
    mj_per_token REAL, mj_per_token_u REAL,     -- net
    mean_w  REAL, peak_w REAL,
    detail  TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail)),  -- units and sign with their proof, baselines, each repeat
    PRIMARY KEY (run, phase),
    CHECK (tier <> 'X' OR (reason IS NOT NULL AND gross_j IS NULL AND net_j IS NULL AND mj_per_token IS NULL AND mean_w IS NULL AND peak_w IS NULL))
) WITHOUT ROWID;

-- What was changed on a phone: written before it is changed, undone at the end or when that phone is there again.
CREATE TABLE phone_changes (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    identity TEXT NOT NULL CHECK (identity <> ''),
    what     TEXT NOT NULL,                     -- for people: "charging is suspended"
    undo     TEXT NOT NULL CHECK (json_valid(undo)),  -- the words of the command that undoes it
    made     TEXT NOT NULL,
    undone   TEXT,                              -- NULL: still to do
    problem  TEXT                               -- what the phone said when it could not be undone
);
