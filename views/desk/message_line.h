// SPDX-License-Identifier: GPL-3.0-or-later
// One sentence in place, instead of a message box: what failed, why, what to do; details unfold, an action may stand beside it, Esc or × closes it.
// Invariant: an error stays until it is closed or replaced; a note leaves by itself after 8 s.
// Threading: UI thread.
#pragma once

#include <QFrame>
#include <QTimer>

#include <functional>

class QLabel;
class QPushButton;
class QToolButton;

namespace bitwright::views {

class MessageLine : public QFrame {
    Q_OBJECT
public:
    explicit MessageLine(QWidget* parent = nullptr);  ///< hidden
    void show_error(const QString& sentence, const QString& action = {}, std::function<void()> run = {});
    void show_note(const QString& sentence, const QString& action = {}, std::function<void()> run = {});
    void dismiss();
    /// Stands above the lower edge of `area` instead of in a layout: nothing moves under the pointer when it comes or leaves. Both have the same parent.
    void float_over(QWidget& area);
    [[nodiscard]] QString text() const;

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void show_text(const QString& sentence, bool error, const QString& action, std::function<void()> run);
    void recolour();
    void place();
    QWidget* area_ = nullptr;  ///< what it floats over
    QLabel* text_;
    QPushButton* action_;
    QToolButton* close_;
    std::function<void()> run_;
    bool error_ = false;
    QTimer leave_;
};

}  // namespace bitwright::views
