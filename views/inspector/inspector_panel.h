// SPDX-License-Identifier: GPL-3.0-or-later
// The inspector: what is selected, its values on the integer grid, clip lines to drag, and before → now of what a range does. Letting go makes the edit.
// Invariants: a refused edit changes nothing and says why in place; while dragging, the newest preview wins; every value says what it was measured on.
// Threading: UI thread; figures on the interactive lane ("inspector.preview"), values over all windows on the compute lane ("inspector.windows").
#pragma once

#include "core/recipe/edits.h"
#include "core/recipe/range_rules.h"
#include "views/desk/desk.h"
#include "views/inspector/figures_model.h"
#include "views/inspector/subject.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QTableView;
class QToolButton;

namespace bitwright::plots {
class RangeHistogramView;
}

namespace bitwright::views {

class MessageLine;

class InspectorPanel : public QWidget {
    Q_OBJECT
public:
    explicit InspectorPanel(Desk& desk, QWidget* parent = nullptr);

    [[nodiscard]] const FiguresModel& figures() const noexcept { return *figures_; }
    [[nodiscard]] std::shared_ptr<const Subject> subject() const noexcept { return subject_; }
    /// While a line is moved (also by whoever else previews a range): figures follow, the newest wins.
    void preview(double minimum, double maximum);

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    // inspector_layout.cpp
    void build();
    QWidget* build_scheme();
    QWidget* build_presets();
    QWidget* build_footer();
    void add_actions();
    void restyle();
    void show_subject();
    void show_scheme();
    void show_range();
    void show_targets();

    // inspector_panel.cpp
    void gather();
    void take(std::shared_ptr<const Subject> subject);
    void show_grid();
    void measure(bool quick);
    void measure_reservoir();
    void measure_windows();
    void publish();
    [[nodiscard]] std::optional<std::pair<double, double>> ends_of(const Scheme& scheme, const Range& range) const;

    // inspector_edits.cpp
    void release(double minimum, double maximum);
    void typed();
    void choose_bits(int index);
    void choose_symmetry(int index);
    void apply_rule(const QString& rule);
    void apply_learned();
    void start_recipe();
    void edit(const Assignments& assignments);
    void commit(Recipe next, const QStringList& changes);
    void refuse(const QString& sentence);
    void restore_head();
    [[nodiscard]] const SiteDecision* head_decision() const;  ///< of the head, which may be newer than the subject
    [[nodiscard]] std::string target_pattern() const;
    [[nodiscard]] std::optional<Range> learned_range() const;

    Desk& desk_;
    MessageLine* message_ = nullptr;
    QLabel* title_ = nullptr;
    QLabel* subtitle_ = nullptr;
    QToolButton* whole_site_ = nullptr;
    QLabel* missing_ = nullptr;
    plots::RangeHistogramView* histogram_ = nullptr;
    QLabel* histogram_from_ = nullptr;
    QWidget* scheme_row_ = nullptr;
    QComboBox* bits_ = nullptr;
    QComboBox* symmetry_ = nullptr;
    QCheckBox* link_ = nullptr;
    QLineEdit* minimum_ = nullptr;
    QLineEdit* maximum_ = nullptr;
    QWidget* range_row_ = nullptr;
    QWidget* presets_ = nullptr;
    QToolButton* learned_ = nullptr;
    FiguresModel* figures_;
    QTableView* table_ = nullptr;
    QWidget* footer_ = nullptr;
    QComboBox* apply_to_ = nullptr;
    QPushButton* start_ = nullptr;
    QPushButton* all_tokens_ = nullptr;

    std::shared_ptr<const Subject> subject_;
    Scheme scheme_;   ///< what is shown, and while dragging what would be
    Range range_;
    FiguresModel::Side before_, now_;
    bool dirty_ = true;
    bool moving_ = false;        ///< between the first drag and the release
    bool editing_ = false;       ///< the head changes because of this panel
    bool keep_before_ = false;   ///< the subject that comes shows the edit just made
    bool ask_windows_ = false;   ///< after an edit: measure over all windows
};

}  // namespace bitwright::views
