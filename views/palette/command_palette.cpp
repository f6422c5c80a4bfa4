// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/palette/command_palette.h"

#include "views/desk/theme.h"
#include "views/palette/palette_model.h"

#include <QApplication>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

namespace bitwright::views {
namespace {

/// Group in a quiet colour, what it does, keys at the right.
class PaletteDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override { return {200, option.fontMetrics.height() + 10}; }
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        const bool selected = option.state & QStyle::State_Selected;
        if (selected) painter->fillRect(option.rect, option.palette.color(QPalette::Active, QPalette::Highlight));
        const auto strong = option.palette.color(QPalette::Active, selected ? QPalette::HighlightedText : QPalette::Text);
        const auto quiet = selected ? strong : option.palette.color(QPalette::PlaceholderText);
        const QRect line = option.rect.adjusted(12, 0, -12, 0);
        const auto& metrics = option.fontMetrics;
        const QString keys = index.data(PaletteModel::shortcut_role).toString();
        const int keys_width = keys.isEmpty() ? 0 : metrics.horizontalAdvance(keys) + 16;
        constexpr int group_width = 96;
        painter->setFont(option.font);
        painter->setPen(quiet);
        painter->drawText(QRect(line.left(), line.top(), group_width - 8, line.height()), Qt::AlignVCenter,
                          metrics.elidedText(index.data(PaletteModel::group_role).toString(), Qt::ElideRight, group_width - 8));
        painter->drawText(line, Qt::AlignVCenter | Qt::AlignRight, keys);
        painter->setPen(strong);
        const QRect words(line.left() + group_width, line.top(), line.width() - group_width - keys_width, line.height());
        painter->drawText(words, Qt::AlignVCenter, metrics.elidedText(index.data(Qt::DisplayRole).toString(), Qt::ElideMiddle, words.width()));
    }
};

}  // namespace

CommandPalette::CommandPalette(Desk& desk, QWidget* window)
    : QFrame(window), model_(new PaletteModel(desk, this)), typed_(new QLineEdit(this)), list_(new QListView(this)), none_(new QLabel(tr("Nothing fits. Try fewer letters."), this))
{
    setObjectName(QStringLiteral("command_palette"));
    setAccessibleName(tr("Search or command"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(1, 1, 1, 1);
    column->setSpacing(0);
    typed_->setFrame(false);
    typed_->setPlaceholderText(tr("Search or command"));
    typed_->setAccessibleName(tr("Letters of an action, a site or a recipe"));
    typed_->setTextMargins(8, 8, 8, 8);
    typed_->addAction(icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    typed_->installEventFilter(this);
    window->installEventFilter(this);
    column->addWidget(typed_);
    list_->setModel(model_);
    list_->setItemDelegate(new PaletteDelegate(list_));
    list_->setFrameShape(QFrame::NoFrame);
    list_->setFocusPolicy(Qt::NoFocus);
    list_->setUniformItemSizes(true);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list_->setAccessibleName(tr("What fits"));
    column->addWidget(list_, 1);
    none_->setContentsMargins(12, 8, 12, 12);
    none_->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(none_);
    hide();
    connect(typed_, &QLineEdit::textChanged, this, &CommandPalette::filter);
    connect(list_, &QListView::clicked, this, [this](const QModelIndex& index) {
        list_->setCurrentIndex(index);
        run();
    });
    desk.actions().add(QStringLiteral("desk.palette"), tr("Desk"), tr("Search or command"), QKeySequence(QStringLiteral("Ctrl+K")), [this] { isVisible() ? leave() : open(); });
}

void CommandPalette::open()
{
    before_ = QApplication::focusWidget();
    model_->gather();
    typed_->clear();
    filter({});
    place();
    show();
    raise();
    typed_->setFocus(Qt::ShortcutFocusReason);
}

void CommandPalette::place()
{
    const auto* window = parentWidget();
    const int width = std::min(600, window->width() - 32);
    const int rows = std::clamp(model_->rowCount(), 1, 14);
    const int row = model_->rowCount() ? list_->sizeHintForRow(0) : none_->sizeHint().height();
    const int height = std::min(typed_->sizeHint().height() + rows * row + 2, window->height() - 64);
    setGeometry((window->width() - width) / 2, 32, width, height);
}

void CommandPalette::filter(const QString& typed)
{
    model_->set_typed(typed);
    const bool any = model_->rowCount() > 0;
    list_->setVisible(any);
    none_->setVisible(!any);
    if (any) list_->setCurrentIndex(model_->index(0));
    list_->scrollToTop();
    place();
}

void CommandPalette::leave()
{
    hide();
    if (before_) before_->setFocus(Qt::OtherFocusReason);
}

void CommandPalette::run()
{
    const int row = list_->currentIndex().row();
    leave();  // first: what runs may want the focus
    model_->run(row);
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == parentWidget()) {
        if (event->type() == QEvent::Resize && isVisible()) place();
        return false;
    }
    if (event->type() == QEvent::FocusOut && static_cast<QFocusEvent*>(event)->reason() != Qt::ActiveWindowFocusReason && isVisible()) hide();
    if (event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
    const auto step = [&](int by) {
        const int rows = model_->rowCount();
        if (rows == 0) return;
        const auto index = model_->index(std::clamp(list_->currentIndex().row() + by, 0, rows - 1));
        list_->setCurrentIndex(index);
        list_->scrollTo(index);
    };
    switch (static_cast<QKeyEvent*>(event)->key()) {
    case Qt::Key_Down: step(1); return true;
    case Qt::Key_Up: step(-1); return true;
    case Qt::Key_PageDown: step(10); return true;
    case Qt::Key_PageUp: step(-10); return true;
    case Qt::Key_Return:
    case Qt::Key_Enter: run(); return true;
    case Qt::Key_Escape: leave(); return true;
    default: return false;
    }
}

void CommandPalette::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.fillRect(rect(), palette().color(QPalette::Base));
    painter.setPen(palette().color(QPalette::Mid));
    painter.drawRect(rect().adjusted(0, 0, -1, -1));
}

}  // namespace bitwright::views
