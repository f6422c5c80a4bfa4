// SPDX-License-Identifier: GPL-3.0-or-later
// One level below an offender: the tokens that made its channel large, in their text, from a forward pass over the calibration's windows.
// Threading: UI thread; the pass runs on the compute lane (behind jobs), the newest question wins.
#pragma once

#include "core/numerics/numerics.h"
#include "views/desk/desk.h"

#include <QAbstractTableModel>
#include <QWidget>

class QLabel;
class QTableView;

namespace bitwright::views {

/// A token in its text. Where there is no tokenizer the ids stand for the text.
struct TokenInText {
    TokenValue value;
    QString before, token, after;
};

class TokensModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { value, window, position, text, columns };
    static constexpr int before_role = Qt::UserRole, token_role = Qt::UserRole + 1, after_role = Qt::UserRole + 2;

    using QAbstractTableModel::QAbstractTableModel;
    void set(std::vector<TokenInText> tokens);
    [[nodiscard]] const TokenInText& at(int row) const { return tokens_.at(static_cast<std::size_t>(row)); }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(tokens_.size()); }
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : columns; }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::vector<TokenInText> tokens_;
};

/// Window w's token at `position` with up to 12 tokens before and 8 after it. `tokenizer` null: ids.
[[nodiscard]] TokenInText token_in_text(const TokenValue& value, const TokenWindows& windows, const Tokenizer* tokenizer);

class OffendingTokens : public QWidget {
    Q_OBJECT
public:
    explicit OffendingTokens(Desk& desk, QWidget* parent = nullptr);

    /// @param after under the recipe's transforms.
    void ask(SiteId site, int channel, bool after);
    [[nodiscard]] const TokensModel& model() const noexcept { return *model_; }

Q_SIGNALS:
    void back_wanted();

private:
    Desk& desk_;
    TokensModel* model_;
    QTableView* table_;
    QLabel* title_;
    QLabel* state_;
    SiteId site_ = no_site;
    int channel_ = -1;
};

}  // namespace bitwright::views
