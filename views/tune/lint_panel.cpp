// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/lint_panel.h"

#include "views/desk/dense_table.h"
#include "views/desk/formats.h"
#include "views/desk/site_titles.h"

#include <QHeaderView>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {

void LintModel::set(std::shared_ptr<const SiteCatalogue> sites, std::vector<Lint> lints)
{
    beginResetModel();
    sites_ = std::move(sites);
    lints_ = std::move(lints);
    // the largest gain first; what has none after it
    std::ranges::stable_sort(lints_, [](const Lint& a, const Lint& b) { return a.gain_db.value_or(-1) > b.gain_db.value_or(-1); });
    endResetModel();
}

QVariant LintModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const auto& lint = lints_[static_cast<std::size_t>(index.row())];
    const auto evidence = [&] {
        QStringList parts;
        for (const auto& part : lint.evidence) parts << QString::fromStdString(part.what) + QLatin1Char(' ') + number(part.value) + (part.unit.empty() ? QString() : QChar(0x202f) + QString::fromStdString(part.unit));
        return parts.join(QStringLiteral(", "));
    };
    if (role == Qt::ToolTipRole) return QString::fromStdString(lint.what) + (lint.advice.empty() ? QString() : QLatin1Char('\n') + QString::fromStdString(lint.advice)) + QLatin1Char('\n') + evidence();
    if (role == Qt::TextAlignmentRole) return static_cast<int>((index.column() == gain_column ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role != Qt::DisplayRole) return {};
    switch (index.column()) {
        case site_column: return lint.site == no_site ? QString() : site_title((*sites_)[lint.site]);
        case what_column: return QString::fromStdString(lint.what);
        case evidence_column: return evidence();
        case gain_column: return number(lint.gain_db);
        default: return {};
    }
}

QVariant LintModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
    const QString titles[] = {tr("Site"), tr("What"), tr("Evidence"), tr("Gain dB")};
    return section >= 0 && section < column_count ? titles[section] : QVariant();
}

LintPanel::LintPanel(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk), model_(new LintModel(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(4);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(8, 4, 8, 0);
    title_ = new QLabel(this);
    title_->setWordWrap(true);
    title_->setTextFormat(Qt::PlainText);
    apply_ = new QPushButton(tr("Apply"), this);
    head->addWidget(title_, 1);
    head->addWidget(apply_);
    column->addLayout(head);
    list_ = new QTableView(this);
    list_->setModel(model_);
    make_dense(*list_);
    list_->setSelectionMode(QAbstractItemView::SingleSelection);
    list_->setAlternatingRowColors(true);
    list_->setWordWrap(false);
    list_->setFrameShape(QFrame::NoFrame);
    list_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    list_->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    list_->horizontalHeader()->setSectionResizeMode(QHeaderView::Interactive);
    list_->horizontalHeader()->setSectionResizeMode(LintModel::what_column, QHeaderView::Stretch);
    list_->setColumnWidth(LintModel::site_column, 136);
    list_->setColumnWidth(LintModel::evidence_column, 176);
    list_->setColumnWidth(LintModel::gain_column, 64);
    list_->setAccessibleName(tr("What looks wrong in the recipe"));
    column->addWidget(list_, 1);
    connect(list_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this] { show_chosen(); });
    connect(model_, &QAbstractItemModel::modelReset, this, &LintPanel::show_chosen);
    const auto apply = [this] {
        if (const auto* lint = chosen(); lint && !lint->edit.empty()) Q_EMIT apply_wanted(lint->pattern, lint->edit);
    };
    connect(apply_, &QPushButton::clicked, this, apply);
    connect(list_, &QTableView::activated, this, apply);
    rest_.setSingleShot(true);
    rest_.setInterval(250);
    connect(&rest_, &QTimer::timeout, this, &LintPanel::find);
    show_chosen();
}

const Lint* LintPanel::chosen() const
{
    const auto current = list_->currentIndex();
    return current.isValid() ? &model_->lints()[static_cast<std::size_t>(current.row())] : nullptr;
}

void LintPanel::show_chosen()
{
    const auto* lint = chosen();
    apply_->setVisible(lint && !lint->edit.empty());
    if (lint && !lint->edit.empty()) {
        QStringList words;
        for (const auto& [key, value] : lint->edit) words << QString::fromStdString(key + " = " + value);
        apply_->setToolTip(QString::fromStdString(lint->pattern) + QStringLiteral(": ") + words.join(QStringLiteral(", ")));
    }
    if (lint && lint->site != no_site && list_->hasFocus()) desk_.selection().set_site(QString::fromStdString((*desk_.model()->sites)[lint->site].name), static_cast<int>((*desk_.model()->sites)[lint->site].layer));
    const int many = model_->rowCount();
    list_->setVisible(many > 0);
    if (lint) {  // in full: its line in the list may be cut
        const auto advice = QString::fromStdString(lint->advice);
        return title_->setText(QString::fromStdString(lint->what) + (advice.isEmpty() ? QString() : QLatin1Char('\n') + advice));
    }
    title_->setText(many == 0 ? (desk_.statistics() ? tr("Nothing looks wrong in this recipe.") : tr("Calibrate to see what looks wrong.")) : many == 1 ? tr("1 thing to look at") : tr("%1 things to look at").arg(count(many)));
}

/// Where there is no room for both, what is wrong goes before its figures: they stand in its tooltip, too.
void LintPanel::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    list_->setColumnHidden(LintModel::evidence_column, width() < 640);
}

void LintPanel::restart() { rest_.start(); }

void LintPanel::set_npu(std::shared_ptr<const NpuProfile> npu)
{
    npu_ = std::move(npu);
    restart();
}

void LintPanel::find()
{
    const auto recipe = desk_.recipe();
    const auto statistics = desk_.statistics();
    if (!desk_.model() || !recipe || !statistics) return model_->set({}, {});
    desk_.lanes().interactive.post(this, QStringLiteral("tune.lints"), [this, model = *desk_.model(), recipe, statistics, npu = npu_](const Control&) -> Lane::Continuation {
        auto lints = std::make_shared<std::vector<Lint>>();
        QString fault;
        try {
            *lints = find_lints(model, *recipe, *statistics, npu.get());
        } catch (const Error& error) {
            fault = QString::fromUtf8(error.what());
        }
        return [this, sites = model.sites, lints, fault] {
            model_->set(sites, std::move(*lints));
            if (!fault.isEmpty()) title_->setText(fault);
        };
    });
}

}  // namespace bitwright::views
