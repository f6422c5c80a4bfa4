// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/self_test_sheet.h"

#include "views/desk/theme.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace bitwright::views {
namespace {

QString q(const nlohmann::ordered_json& value) { return value.is_string() ? QString::fromStdString(value.get<std::string>()) : QString(); }

/// As the command names them, and on screen.
QString outcome_in_words(const QString& outcome)
{
    if (outcome == QLatin1String("passed")) return SelfTestSheet::tr("passed");
    if (outcome == QLatin1String("failed")) return SelfTestSheet::tr("failed");
    return SelfTestSheet::tr("could not be tried");
}

}  // namespace

SelfTestSheet::SelfTestSheet(Desk& desk, QWidget* parent)
    : QDialog(parent), desk_(desk), state_(new QLabel(this)), list_(new QTreeWidget(this)), start_(new QPushButton(tr("&Start"), this)), copy_(new QPushButton(tr("&Copy as text"), this))
{
    setWindowTitle(tr("Self-test of a phone"));
    setModal(false);
    resize(860, 560);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 16, 16, 16);
    column->setSpacing(12);
    auto* words = new QLabel(tr("No real phone was at hand when Bitwright was made. Each line here is something that only one can prove: what a program can try is tried, the rest says how you can."), this);
    words->setWordWrap(true);
    words->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(words);
    state_->setWordWrap(true);
    state_->setTextFormat(Qt::PlainText);
    state_->setAccessibleName(tr("State of the self-test"));
    column->addWidget(state_);
    list_->setColumnCount(3);
    list_->setHeaderLabels({tr("What is proved"), tr("Outcome"), tr("What was seen, or how to try it")});
    list_->setRootIsDecorated(false);
    list_->setAlternatingRowColors(true);
    list_->setWordWrap(true);
    list_->setTextElideMode(Qt::ElideNone);
    list_->setAccessibleName(tr("Items of the self-test"));
    list_->header()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
    list_->header()->resizeSection(1, 130);
    column->addWidget(list_, 1);
    auto* buttons = new QHBoxLayout;
    buttons->addStretch();
    copy_->setAutoDefault(false);
    copy_->setEnabled(false);
    buttons->addWidget(copy_);
    start_->setDefault(true);
    buttons->addWidget(start_);
    column->addLayout(buttons);
    connect(list_->header(), &QHeaderView::sectionResized, this, &SelfTestSheet::wrap_words, Qt::QueuedConnection);  // once all columns have their widths
    connect(start_, &QPushButton::clicked, this, &SelfTestSheet::start);
    connect(copy_, &QPushButton::clicked, this, [this] { QGuiApplication::clipboard()->setText(text()); });
    connect(&desk_.jobs(), &JobQueue::changed, this, &SelfTestSheet::follow);
    connect(&desk_.jobs(), &JobQueue::finished, this, &SelfTestSheet::follow);
}

void SelfTestSheet::set_device(const DeviceEntry& device)
{
    if (job_ != 0) return;  // the one under way ends first
    device_ = device;
    list_->clear();
    copy_->setEnabled(false);
    const bool phone = device.ready && device.id != QLatin1String("local");
    state_->setText(!phone             ? tr("No phone is chosen that is ready: choose one on its card. Start without one lists what is to be tried.")
                    : device.simulated ? tr("%1 is simulated: the test shows that the program works, and nothing about phones.").arg(device.name)
                                       : tr("%1 is tested. Nothing stays on it but the runner; what is changed there is written down first and undone.").arg(device.name));
}

void SelfTestSheet::start()
{
    QStringList command{QStringLiteral("devices"), QStringLiteral("self-test")};
    if (device_.ready && device_.id != QLatin1String("local")) command << QStringLiteral("--device") << device_.serial;
    if (desk_.workspace()) command << QStringLiteral("-w") << desk_.workspace_path();
    desk_.actions().set_command_line(command);
    start_->setEnabled(false);
    job_ = desk_.jobs().submit(tr("Self-test of %1").arg(device_.name), command);
    follow(job_);
}

void SelfTestSheet::follow(std::int64_t number)
{
    if (number != job_ || job_ == 0) return;
    const auto job = desk_.jobs().job(number);
    if (!job) return;
    if (!is_over(job->phase)) {
        state_->setText(job->stage.startsWith(QLatin1String("testing: ")) ? tr("Trying: %1").arg(job->stage.mid(9)) : tr("Connecting"));
        return;
    }
    job_ = 0;
    start_->setEnabled(true);
    if (job->phase == JobPhase::done) show_result(job->result);
    else state_->setText(job->phase == JobPhase::failed ? job->message : tr("Cancelled."));
}

void SelfTestSheet::show_result(const nlohmann::ordered_json& result)
{
    list_->clear();
    int passed = 0, failed = 0, rest = 0;
    for (const auto& item : result.value("items", nlohmann::ordered_json::array())) {
        const auto outcome = q(item["outcome"]);
        auto* line = new QTreeWidgetItem(list_, {q(item["title"]), outcome_in_words(outcome), q(item["words"])});
        line->setToolTip(2, line->text(2));
        const bool good = outcome == QLatin1String("passed"), bad = outcome == QLatin1String("failed");
        if (good || bad) line->setForeground(1, good ? signal_colours().good : signal_colours().error);
        ++(good ? passed : bad ? failed : rest);
    }
    wrap_words();
    auto words = tr("%1 passed, %2 failed, %3 could not be tried.").arg(passed).arg(failed).arg(rest);
    if (result.value("simulated", false)) words = tr("Simulated: ") + words + tr(" This says that the program works, and nothing about phones.");
    state_->setText(words);
    copy_->setEnabled(true);
}

/// Each line is as high as its last column needs: a tree does not ask for the height of wrapped text.
void SelfTestSheet::wrap_words()
{
    const int width = list_->columnWidth(2) - 2 * (list_->style()->pixelMetric(QStyle::PM_FocusFrameHMargin, nullptr, list_) + 1);
    if (width <= 0) return;
    bool other = false;
    for (int row = 0; row < list_->topLevelItemCount(); ++row) {
        auto* item = list_->topLevelItem(row);
        const auto needed = list_->fontMetrics().boundingRect(QRect(0, 0, width, 10'000), Qt::TextWordWrap, item->text(2)).height() + 4;
        if (item->sizeHint(2).height() == needed) continue;
        item->setSizeHint(2, {0, needed});
        other = true;
    }
    // the change of width may come in the middle of a layout, which then keeps the heights it had
    if (other) QMetaObject::invokeMethod(list_, &QTreeWidget::doItemsLayout, Qt::QueuedConnection);
}

QString SelfTestSheet::text() const
{
    QString all = device_.name + QLatin1Char('\n') + state_->text() + QLatin1Char('\n');
    for (int row = 0; row < list_->topLevelItemCount(); ++row) {
        const auto* item = list_->topLevelItem(row);
        all += QStringLiteral("[%1] %2: %3\n").arg(item->text(1), item->text(0), item->text(2));
    }
    return all;
}

}  // namespace bitwright::views
