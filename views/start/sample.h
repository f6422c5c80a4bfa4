// SPDX-License-Identifier: GPL-3.0-or-later
// Where the bundled sample lies, and where its outlier copy goes.
// Threading: pure functions over the file system.
#pragma once

#include <QString>

namespace bitwright::views {

/// Bitwright-Sample-2M in share/bitwright beside an installed program, or in resources/ of the source tree the program was built in; "" when it is in neither.
[[nodiscard]] QString sample_folder();
/// The sample's copy with outlier channels (`bitwright-cli outliers`), in the data folder; made when wanted, so it may not exist.
[[nodiscard]] QString sample_copy_folder();
/// Whether a model lies there.
[[nodiscard]] bool is_model_folder(const QString& folder);

}  // namespace bitwright::views
