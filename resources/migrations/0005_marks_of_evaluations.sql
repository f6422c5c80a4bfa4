-- SPDX-License-Identifier: GPL-3.0-or-later
-- Evaluations are tagged, noted and archived as runs are.
ALTER TABLE evaluations ADD COLUMN tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags));
ALTER TABLE evaluations ADD COLUMN note TEXT;
ALTER TABLE evaluations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1));
