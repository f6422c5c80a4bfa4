// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/start/start_page.h"

#include "views/desk/message_line.h"
#include "views/desk/theme.h"
#include "views/start/drop_target.h"
#include "views/start/loop_checklist.h"
#include "views/start/recent_workspaces.h"
#include "views/start/sample.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

namespace bitwright::views {
namespace {

QLabel* heading(const QString& text, QWidget* parent)
{
    auto* label = new QLabel(text, parent);
    QFont font = label->font();
    font.setWeight(QFont::DemiBold);
    label->setFont(font);
    label->setContentsMargins(8, 0, 8, 0);
    return label;
}

QLabel* caption(const QString& text, QWidget* parent)
{
    auto* label = new QLabel(text, parent);
    QFont font = label->font();
    font.setPointSizeF(font.pointSizeF() - 1);
    label->setFont(font);
    label->setForegroundRole(QPalette::PlaceholderText);
    label->setWordWrap(true);
    return label;
}

}  // namespace

StartPage::StartPage(Desk& desk, QWidget* parent)
    : Page(parent), desk_(desk), message_(new MessageLine(this)), opening_(new QLabel(this)), progress_(new QProgressBar(this)), recent_(new RecentWorkspaces(desk, this)),
      checklist_(new LoopChecklist(desk, this))
{
    auto* left = new QVBoxLayout;
    left->setSpacing(8);
    left->addWidget(heading(tr("Recent workspaces"), this));
    auto* scroll = new QScrollArea(this);
    scroll->setWidget(recent_);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->viewport()->setAutoFillBackground(false);
    recent_->setAutoFillBackground(false);
    left->addWidget(scroll, 1);

    auto* right = new QVBoxLayout;
    right->setSpacing(8);
    right->addWidget(make_drop_place());
    if (auto* sample = make_sample()) {
        right->addSpacing(8);
        right->addWidget(sample);
    }
    right->addSpacing(8);
    right->addWidget(heading(tr("From a model to an honest comparison"), this));
    right->addWidget(checklist_);
    right->addStretch();

    auto* columns = new QHBoxLayout;
    columns->setContentsMargins(24, 24, 24, 24);
    columns->setSpacing(24);
    columns->addLayout(left, 1);
    columns->addLayout(right, 1);

    auto* busy = new QHBoxLayout;
    busy->setContentsMargins(32, 8, 32, 0);
    progress_->setRange(0, 0);
    progress_->setTextVisible(false);
    progress_->setFixedHeight(4);
    progress_->setAccessibleName(tr("Opening"));
    busy->addWidget(opening_);
    busy->addWidget(progress_, 1);
    opening_->hide();
    progress_->hide();

    auto* all = new QVBoxLayout(this);
    all->setContentsMargins({});
    all->setSpacing(0);
    all->addWidget(message_);
    all->addLayout(busy);
    all->addLayout(columns, 1);

    auto* drop = new DropTarget(desk, this);
    connect(drop, &DropTarget::hovered, this, [this](bool over) {
        hovered_ = over;
        recolour();
    });
    connect(drop, &DropTarget::opening, this, [this](const QString& path) { begin(tr("Opening %1…").arg(QFileInfo(path).fileName())); });
    connect(recent_, &RecentWorkspaces::chosen, this, [this](const QString& path) { open(path); });
    connect(&desk_, &Desk::workspace_changed, this, [this] {
        end();
        message_->dismiss();
        if (isVisible()) recent_->refresh();
    });
    connect(&desk_, &Desk::failed, this, [this] { end(); });  // the window says what
    connect(&desk_.jobs(), &JobQueue::changed, this, [this](std::int64_t number) {
        if (copying_ != number) return;
        const auto job = desk_.jobs().job(number);
        if (!job || !is_over(job->phase)) return;
        copying_.reset();
        end();
        if (job->phase == JobPhase::done)
            open(sample_copy_folder());
        else if (job->phase == JobPhase::failed)
            message_->show_error(job->message);
    });
    desk_.actions().add(QStringLiteral("start.open_model"), tr("Workspace"), tr("Open model…"), QKeySequence(QStringLiteral("Ctrl+O")), [this] { choose_model(); });
    desk_.actions().add(QStringLiteral("start.open_workspace"), tr("Workspace"), tr("Open workspace…"), QKeySequence(QStringLiteral("Ctrl+Shift+O")), [this] { choose_workspace(); });
    if (!sample_folder().isEmpty()) {
        desk_.actions().add(QStringLiteral("start.open_sample"), tr("Workspace"), tr("Open the sample"), {}, [this] { open_sample(); });
        desk_.actions().add(QStringLiteral("start.open_sample_copy"), tr("Workspace"), tr("Open the sample with outliers"), {}, [this] { open_sample_copy(); });
    }
    recolour();
}

QWidget* StartPage::make_drop_place()
{
    drop_place_ = new QFrame(this);
    drop_place_->setObjectName(QStringLiteral("drop_place"));
    auto* column = new QVBoxLayout(drop_place_);
    column->setContentsMargins(16, 24, 16, 16);
    column->setSpacing(8);
    auto* invitation = new QLabel(tr("Drop a model folder here"), drop_place_);
    invitation->setAlignment(Qt::AlignCenter);
    column->addWidget(invitation);
    auto* what = caption(tr("Hugging Face: config.json and *.safetensors. Or a workspace."), drop_place_);
    what->setAlignment(Qt::AlignCenter);
    column->addWidget(what);
    column->addSpacing(8);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    buttons->addStretch();
    const auto button = [&](const QString& text, const QString& name, auto slot) {
        auto* push = new QPushButton(icon(QStringLiteral("open")), text, drop_place_);
        push->setObjectName(name);
        push->setMinimumHeight(28);
        connect(push, &QPushButton::clicked, this, slot);
        buttons->addWidget(push);
    };
    button(tr("Open model…"), QStringLiteral("open_model"), &StartPage::choose_model);
    button(tr("Open workspace…"), QStringLiteral("open_workspace"), &StartPage::choose_workspace);
    buttons->addStretch();
    column->addLayout(buttons);
    return drop_place_;
}

QWidget* StartPage::make_sample()
{
    if (sample_folder().isEmpty()) return nullptr;
    auto* sample = new QWidget(this);
    auto* column = new QVBoxLayout(sample);
    column->setContentsMargins({});
    column->setSpacing(4);
    column->addWidget(heading(tr("No model at hand?"), sample));
    auto* what = caption(tr("The sample has 2.4 million parameters, 4 layers and its own texts. Its copy with outliers computes the same and is hard to quantize: there is something to see."), sample);
    what->setContentsMargins(8, 0, 8, 4);
    column->addWidget(what);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(8, 0, 8, 0);
    row->setSpacing(8);
    auto* plain = new QPushButton(tr("Open the sample"), sample);
    plain->setObjectName(QStringLiteral("open_sample"));
    connect(plain, &QPushButton::clicked, this, &StartPage::open_sample);
    copy_ = new QPushButton(tr("With outliers"), sample);
    copy_->setObjectName(QStringLiteral("open_sample_copy"));
    for (auto* push : {plain, copy_}) push->setMinimumSize(push->sizeHint().width() + 16, 28);
    copy_->setAccessibleName(tr("Open the sample with outliers"));
    connect(copy_, &QPushButton::clicked, this, &StartPage::open_sample_copy);
    row->addWidget(plain);
    row->addWidget(copy_);
    row->addStretch();
    column->addLayout(row);
    return sample;
}

void StartPage::activated()
{
    recent_->refresh();
    checklist_->refresh();
}

void StartPage::choose_model()
{
    auto* dialog = new QFileDialog(this, tr("Open model"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::Directory);
    dialog->setOption(QFileDialog::ShowDirsOnly);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) { open(path); });
    dialog->open();
}

void StartPage::choose_workspace()
{
    auto* dialog = new QFileDialog(this, tr("Open workspace"), Desk::data_folder(), tr("Workspaces (*.bitwright)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) { open(path); });
    dialog->open();
}

void StartPage::open_sample() { open(sample_folder()); }

void StartPage::open_sample_copy()
{
    if (copying_) return;
    const QString folder = sample_copy_folder();
    if (is_model_folder(folder)) return open(folder);
    begin(tr("Making the copy with outliers…"));
    const QStringList arguments{QStringLiteral("outliers"), sample_folder(), QStringLiteral("--out"), folder, QStringLiteral("--seed"), QStringLiteral("0")};
    desk_.actions().set_command_line(arguments);
    copying_ = desk_.jobs().submit(tr("Copy of the sample with outliers"), arguments);
}

void StartPage::open(const QString& path)
{
    begin(tr("Opening %1…").arg(QFileInfo(path).fileName()));
    desk_.open(path);
}

void StartPage::begin(const QString& what)
{
    busy_ = true;
    message_->dismiss();
    opening_->setText(what);
    opening_->show();
    progress_->show();
}

void StartPage::end()
{
    if (!busy_ || copying_) return;
    busy_ = false;
    opening_->hide();
    progress_->hide();
}

void StartPage::recolour()
{
    const QColor border = palette().color(hovered_ ? QPalette::Highlight : QPalette::Mid);
    drop_place_->setStyleSheet(QStringLiteral("#drop_place { border: 2px dashed %1; background: %2; }").arg(border.name(), palette().color(QPalette::Base).name()));
}

void StartPage::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange && drop_place_) recolour();
    Page::changeEvent(event);
}

}  // namespace bitwright::views
