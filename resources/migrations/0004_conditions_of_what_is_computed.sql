-- SPDX-License-Identifier: GPL-3.0-or-later
-- Calibrations and recipes are results, too: threads, load and program under which they were computed. NULL: before this version, edits, imports.
ALTER TABLE calibrations ADD COLUMN conditions INTEGER REFERENCES conditions(id);
ALTER TABLE recipes ADD COLUMN conditions INTEGER REFERENCES conditions(id);
