// SPDX-License-Identifier: GPL-3.0-or-later
// What the open recipe costs and how good it is, on one line: size, effective bits, speed predicted for this computer, perplexity; stale figures are faded and say what made them stale.
// Threading: UI thread.
#pragma once

#include "views/tune/evaluation_state.h"

#include <QWidget>

class QLabel;
class QToolButton;

namespace bitwright::views {

class BudgetBar : public QWidget {
    Q_OBJECT
public:
    struct Cost {
        std::uint64_t bytes = 0, float_bytes = 0;
        double bits_per_weight = 0, bits_per_activation = 0;
        QString remark;  ///< what a package cannot hold; "" when it holds all
        std::optional<double> prefill_tokens_per_s, decode_tokens_per_s;  ///< predicted for this computer
        QString speed_basis;  ///< what the prediction stands on, or why there is none
    };

    explicit BudgetBar(QWidget* parent = nullptr);
    void set_cost(const std::optional<Cost>& cost);
    void set_perplexities(const std::vector<KnownPerplexity>& known);
    /// While an evaluation of the open recipe runs: its words; "" when none does.
    void set_running(const QString& words);
    [[nodiscard]] QToolButton* evaluate() const noexcept { return evaluate_; }
    [[nodiscard]] QString perplexity_text() const;
    [[nodiscard]] QString speed_text() const;
    [[nodiscard]] bool is_stale() const noexcept { return stale_; }

protected:
    void changeEvent(QEvent* event) override;

private:
    void recolour();
    struct Field {
        QLabel *caption = nullptr, *value = nullptr;
    };
    Field add(const QString& caption);
    static void set(const Field& field, const QString& text, const QString& tooltip);
    Field size_, bits_, speed_, perplexity_;
    QToolButton* evaluate_;
    bool stale_ = false;
};

}  // namespace bitwright::views
