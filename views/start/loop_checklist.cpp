// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/start/loop_checklist.h"

#include "core/workspace/desk.h"
#include "views/desk/theme.h"

#include <QKeyEvent>
#include <QPainter>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

namespace bitwright::views {

LoopStep::LoopStep(const QString& title, const QString& what, QWidget* parent) : QAbstractButton(parent), what_(what)
{
    setText(title);
    setAttribute(Qt::WA_Hover);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    set(false, false);
}

void LoopStep::set(bool done, bool available)
{
    done_ = done;
    available_ = available;
    setFocusPolicy(available ? Qt::StrongFocus : Qt::NoFocus);
    setAttribute(Qt::WA_TransparentForMouseEvents, !available);
    setCursor(available ? Qt::PointingHandCursor : Qt::ArrowCursor);
    setAccessibleName(done ? tr("%1, done: %2").arg(text(), what_) : QStringLiteral("%1: %2").arg(text(), what_));
    update();
}

QSize LoopStep::sizeHint() const { return {240, 26}; }

void LoopStep::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)
        click();
    else
        QAbstractButton::keyPressEvent(event);
}

void LoopStep::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (available_ && (underMouse() || isDown())) painter.fillRect(rect(), palette().color(QPalette::Button));
    const QRectF mark(8.5, height() / 2.0 - 6.5, 13, 13);
    if (done_) {
        painter.setPen(QPen(signal_colours().good, 1.75, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        painter.drawPolyline(QPolygonF{{mark.left() + 1, mark.center().y() + 0.5}, {mark.left() + 5, mark.bottom() - 2}, {mark.right(), mark.top() + 2}});
    } else {
        painter.setPen(QPen(palette().color(QPalette::PlaceholderText), 1));
        painter.drawEllipse(mark.adjusted(1, 1, -1, -1));
    }
    painter.setFont(font());
    painter.setPen(palette().color(QPalette::WindowText));
    painter.drawText(QRect(32, 0, 72, height()), Qt::AlignVCenter, text());
    QFont caption = font();
    caption.setPointSizeF(font().pointSizeF() - 1);
    painter.setFont(caption);
    painter.setPen(palette().color(QPalette::PlaceholderText));
    const QRect rest(108, 0, width() - 108 - 8, height());
    painter.drawText(rest, Qt::AlignVCenter, QFontMetrics(caption).elidedText(what_, Qt::ElideRight, rest.width()));
    if (hasFocus()) {
        painter.setRenderHint(QPainter::Antialiasing, false);
        painter.setPen(QPen(palette().color(QPalette::Highlight), 2));
        painter.drawRect(rect().adjusted(1, 1, -1, -1));
    }
}

LoopChecklist::LoopChecklist(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk)
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->setSpacing(0);
    const auto step = [&](const QString& title, const QString& what, const char* page) {
        auto* row = new LoopStep(title, what, this);
        connect(row, &LoopStep::clicked, this, [this, page = QLatin1String(page)] {
            if (page == QLatin1String("calibrate"))
                Q_EMIT desk_.calibration_wanted();
            else
                Q_EMIT desk_.page_wanted(page);
        });
        column->addWidget(row);
        steps_.push_back(row);
    };
    step(tr("Open"), tr("a model folder as it comes"), "explore");
    step(tr("Calibrate"), tr("observe every site on text"), "calibrate");
    step(tr("Look"), tr("find the channels that stand out"), "explore");
    step(tr("Tune"), tr("set ranges and bits by hand"), "tune");
    step(tr("Optimize"), tr("let a method learn them"), "optimize");
    step(tr("Measure"), tr("speed of the packed integers"), "devices");
    step(tr("Compare"), tr("quality against speed and size"), "compare");
    connect(&desk_, &Desk::workspace_changed, this, [this] {
        show_facts({});
        refresh();
    });
    connect(&desk_, &Desk::results_changed, this, &LoopChecklist::refresh);
    connect(&desk_, &Desk::recipe_changed, this, &LoopChecklist::refresh);
    connect(&desk_, &Desk::calibrations_changed, this, &LoopChecklist::refresh);
    connect(&desk_.selection(), &SelectionModel::changed, this, &LoopChecklist::note_look);
    show_facts({});
}

void LoopChecklist::refresh()
{
    if (!desk_.workspace()) return show_facts({});
    if (!isVisible()) return;
    desk_.lanes().interactive.post(this, QStringLiteral("start.facts"), [this, workspace = desk_.workspace()](const Control&) -> Lane::Continuation {
        const auto facts = read_loop_facts(*workspace);
        return [this, workspace, facts] {
            if (workspace == desk_.workspace()) show_facts(facts);
        };
    });
}

void LoopChecklist::show_facts(const LoopFacts& facts)
{
    facts_ = facts;
    const bool done[] = {facts.open, facts.calibrated, facts.looked, facts.tuned, facts.optimized, facts.measured, facts.compared};
    for (std::size_t i = 0; i < steps_.size(); ++i) steps_[i]->set(done[i], facts.open && (i != 1 || desk_.model()));
}

/// The first site selected with statistics on the desk is written down, once for a workspace.
void LoopChecklist::note_look()
{
    if (facts_.looked || !desk_.workspace() || desk_.workspace()->read_only() || !desk_.statistics() || desk_.selection().current().site.isEmpty()) return;
    facts_.looked = true;
    desk_.lanes().store.post(this, QStringLiteral("start.looked"), [this, workspace = desk_.workspace()](const Control&) -> Lane::Continuation {
        if (desk_value(*workspace, "looked") != true) put_desk_value(*workspace, "looked", true);
        return [this] { refresh(); };
    });
}

}  // namespace bitwright::views
