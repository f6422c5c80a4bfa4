// SPDX-License-Identifier: GPL-3.0-or-later
// Optimize: choose a method, watch it, pause, look, fork, adopt. The run itself is a job (quantize) on the compute lane.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"
#include "views/desk/page.h"

class QSplitter;
class QStackedWidget;

namespace bitwright::views {

class MethodForm;
class RunView;
class RunList;

class OptimizePage : public Page {
    Q_OBJECT
public:
    explicit OptimizePage(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QString id() const override { return QStringLiteral("optimize"); }
    [[nodiscard]] QString title() const override { return tr("Optimize"); }
    void activated() override;
    [[nodiscard]] QJsonObject state() const override;
    void restore(const QJsonObject& state) override;

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void start();
    void refresh();

    Desk& desk_;
    QStackedWidget* stack_;
    QSplitter* beside_;
    MethodForm* form_;
    RunView* run_;
    RunList* list_;
    bool dirty_ = true;
};

}  // namespace bitwright::views
