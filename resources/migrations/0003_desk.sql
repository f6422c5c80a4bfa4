-- SPDX-License-Identifier: GPL-3.0-or-later
-- What the desk remembers of a workspace (which model, which recipe is the head, undo history, layout of pages), and what an edit said of itself.
CREATE TABLE desk (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
) WITHOUT ROWID;
ALTER TABLE recipes ADD COLUMN words TEXT;   -- "down_proj input 0–21: max 61.2 → 18.4"; NULL: made by a method, or before this column
