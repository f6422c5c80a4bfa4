// SPDX-License-Identifier: GPL-3.0-or-later
// How fast the desk answers, as figures in its log: QT_LOGGING_RULES=bitwright.responsiveness=true bitwright …
// says when the first window was painted and, at the end, the longest time in which the event loop did not turn.
// Threading: UI thread. Costs nothing where the category is off.
#pragma once

#include <QElapsedTimer>
#include <QObject>

class QTimer;
class QWidget;

namespace bitwright {

class Responsiveness : public QObject {
    Q_OBJECT
public:
    explicit Responsiveness(QWidget& window);
    ~Responsiveness() override;
    [[nodiscard]] double longest_stall_ms() const noexcept { return longest_ms_; }  ///< since the first paint

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void turned();
    QTimer* timer_;
    QElapsedTimer last_;
    double longest_ms_ = 0;
};

}  // namespace bitwright
