// SPDX-License-Identifier: GPL-3.0-or-later
// One of the texts that stand side by side: who writes it, the text as it grows with the first diverging token marked, and how fast it came.
// Invariant: the mark is never by colour alone (it is underlined, and mark() is told in words beside it).
// Threading: UI thread.
#pragma once

#include <QWidget>

#include <optional>

class QLabel;
class QTextEdit;

namespace bitwright::views {

/// A token's place in a text: [begin, end) in characters.
struct TokenPlace {
    int begin = 0, end = 0;
    friend bool operator==(const TokenPlace&, const TokenPlace&) = default;
};

class TextSide : public QWidget {
    Q_OBJECT
public:
    explicit TextSide(QWidget* parent = nullptr);
    void set_title(const QString& title);
    /// @param prompt stands before it, paler.
    void set_text(const QString& prompt, const QString& text, const std::optional<TokenPlace>& mark);
    void set_speed(const QString& words);
    [[nodiscard]] QString text() const { return text_; }
    [[nodiscard]] QString speed() const;
    [[nodiscard]] QString marked() const;  ///< the token's text; "" without a mark

protected:
    void changeEvent(QEvent* event) override;

private:
    void colour();
    QLabel *title_, *speed_;
    QTextEdit* view_;
    QString prompt_, text_;
    std::optional<TokenPlace> mark_;
};

}  // namespace bitwright::views
