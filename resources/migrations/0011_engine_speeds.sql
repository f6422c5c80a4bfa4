-- SPDX-License-Identifier: GPL-3.0-or-later
-- How fast the integer engine was on a computer, as ratios to what the computer could do in the same run.
CREATE TABLE engine_speeds (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    isa        TEXT NOT NULL,                                 -- the kernel set
    package    TEXT,                                          -- SHA-256 of its header; NULL: synthetic packages of TinyLlama-1.1B's shape
    figures    TEXT NOT NULL CHECK (json_valid(figures)),     -- object of numbers; what was not measured is not in it
    conditions INTEGER NOT NULL REFERENCES conditions(id),
    created    TEXT NOT NULL
);
