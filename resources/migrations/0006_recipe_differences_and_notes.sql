-- SPDX-License-Identifier: GPL-3.0-or-later
-- A revision that differs little from its parent is stored as that difference: `json` is then a JSON patch (RFC 6902) from the recipe of `base` to this one.
-- base NULL: `json` is the whole recipe, as in every row before this version. A patch row lists in recipe_tensors only what its base lacks.
ALTER TABLE recipes ADD COLUMN base INTEGER REFERENCES recipes(id);
-- What a user wrote beside a site of a model.
CREATE TABLE site_notes (
    model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    site  TEXT NOT NULL,
    note  TEXT NOT NULL CHECK (note <> ''),
    PRIMARY KEY (model, site)
) WITHOUT ROWID;
