// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/recipe_rows.h"

#include "core/runtime/hash.h"
#include "core/workspace/stored_json.h"

namespace bitwright {
namespace {

/// A row and the rows it is stored as a difference to.
constexpr const char* chain_of =
    "WITH RECURSIVE chain (id, base, json, hash, distance) AS (SELECT id, base, json, hash, 0 FROM recipes WHERE id = ? "
    "UNION ALL SELECT r.id, r.base, r.json, r.hash, distance + 1 FROM recipes r JOIN chain ON r.id = chain.base) ";

std::string text_of(const nlohmann::json& document) { return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

}  // namespace

nlohmann::json recipe_document(const Workspace& workspace, SQLite::Database& db, std::int64_t id)
{
    SQLite::Statement query(db, std::string(chain_of) + "SELECT id, json, hash FROM chain ORDER BY distance DESC");
    query.bind(1, id);
    const auto name = to_string(Reference{"recipe", id});
    nlohmann::json document;
    std::string hash;
    while (query.executeStep()) {
        const auto field = to_string(Reference{"recipe", query.getColumn(0).getInt64()}) + ", json";
        auto stored = stored_json<nlohmann::json>(workspace, field, query.getColumn(1).getString());
        if (hash.empty()) {
            document = std::move(stored);
        } else {
            try {
                document.patch_inplace(stored);
            } catch (const nlohmann::json::exception& error) {
                throw bad_input(workspace.path().string(), field, std::string("does not fit the revision before it (") + error.what() + "); go back to another revision");
            }
        }
        hash = query.getColumn(2).getString();
    }
    if (hash.empty()) throw bad_input(workspace.path().string() + ": " + name, "", "is not in the workspace; recipe log lists them");
    if (sha256_hex(text_of(document)) != hash) throw bad_input(workspace.path().string(), name + ", json", "does not have the recipe's hash: the row was changed; go back to another revision");
    return document;
}

RecipeText recipe_text(const Workspace& workspace, SQLite::Database& db, const nlohmann::json& document, std::optional<std::int64_t> parent)
{
    RecipeText whole{text_of(document), std::nullopt};
    if (!parent) return whole;
    SQLite::Statement length(db, std::string(chain_of) + "SELECT max(distance) FROM chain");
    length.bind(1, *parent);
    if (!length.executeStep() || length.getColumn(0).getInt64() + 1 > longest_chain) return whole;
    RecipeText patch{text_of(nlohmann::json::diff(recipe_document(workspace, db, *parent), document)), parent};
    return patch.json.size() * 2 < whole.json.size() ? patch : whole;
}

std::set<std::string> referenced_tensors(SQLite::Database& db, std::int64_t id)
{
    SQLite::Statement query(db, std::string(chain_of) + "SELECT sha256 FROM recipe_tensors WHERE recipe IN (SELECT id FROM chain)");
    query.bind(1, id);
    std::set<std::string> tensors;
    while (query.executeStep()) tensors.insert(query.getColumn(0).getString());
    return tensors;
}

}  // namespace bitwright
