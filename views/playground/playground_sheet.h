// SPDX-License-Identifier: GPL-3.0-or-later
// The playground: the float model and the open recipe (simulated) continue the same text beside each other, greedy or drawn from the same seed; the first token in
// which they part is marked, and what each takes is told for prompt and generation apart.
// Invariants: not modal, opened by the action "desk.playground", which it registers; what the fields said last comes back (desk key "playground"); each Generate sets the
// command line that does the same.
// Threading: UI thread; generation on the compute lane, where the newest wins; texts come as they grow.
#pragma once

#include "core/runtime/generation.h"
#include "views/desk/desk.h"

#include <QDialog>

#include <array>
#include <vector>

class QDoubleSpinBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;

namespace bitwright::views {

class MessageLine;
class TextSide;

class PlaygroundSheet : public QDialog {
    Q_OBJECT
public:
    explicit PlaygroundSheet(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] const TextSide& side(std::size_t which) const noexcept { return *sides_[which]; }  ///< 0 float, 1 recipe
    [[nodiscard]] bool generating() const noexcept { return generating_; }

protected:
    void showEvent(QShowEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    struct Wanted {
        QString prompt;
        GenerateOptions options;
    };
    [[nodiscard]] Wanted wanted() const;
    [[nodiscard]] QWidget* make_fields();
    void restore();
    void store(const Wanted& wanted);
    void set_command_line(const Wanted& wanted);
    void generate();
    void stop();
    void set_generating(bool running);
    void show_titles();
    void grow(std::uint64_t round, std::size_t side, const std::vector<std::int32_t>& ids, const QString& text, const QString& before, const QString& with);
    void finish(std::size_t side, const Generation& made, std::size_t prompt);
    void conclude();

    Desk& desk_;
    QPlainTextEdit* prompt_;
    QSpinBox *tokens_, *top_k_, *seed_;
    QDoubleSpinBox *temperature_, *top_p_;
    QPushButton *generate_, *stop_;
    QLabel* status_;
    MessageLine* message_;
    std::array<TextSide*, 2> sides_{};
    std::array<std::vector<std::int32_t>, 2> ids_;
    QString shown_prompt_;
    bool generating_ = false;
    std::uint64_t round_ = 0;  ///< texts of an earlier one come too late
    std::weak_ptr<Workspace> restored_of_;
};

}  // namespace bitwright::views
