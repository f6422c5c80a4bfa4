// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/model.h"

#include "core/checkpoint/vocabulary_size.h"
#include "core/runtime/file.h"

namespace bitwright {
namespace {

/// A token beyond the embedding would be read as garbage, or crash.
void check_vocabulary(const Checkpoint& checkpoint, const Architecture& architecture)
{
    if (!checkpoint.has_tokenizer()) return;
    const MappedFile file(checkpoint.tokenizer_path());
    const auto tokens = vocabulary_size_of({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
    if (tokens > architecture.vocab)
        throw bad_input(checkpoint.tokenizer_path().string(), "",
                        "has " + std::to_string(tokens) + " tokens, but the embedding only " + std::to_string(architecture.vocab) +
                            " rows; tokenizer and weights do not belong together");
}

}  // namespace

Model open_model(const std::filesystem::path& folder)
{
    Model model;
    model.checkpoint = Checkpoint::open(folder);
    model.description = std::make_shared<const ModelDescription>(ModelDescription::read(*model.checkpoint));
    check_vocabulary(*model.checkpoint, model.architecture());
    model.sites = std::make_shared<const SiteCatalogue>(*model.description);
    return model;
}

}  // namespace bitwright
