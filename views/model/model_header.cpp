// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/model/model_header.h"

#include "views/desk/formats.h"

#include <QDir>
#include <QFileInfo>
#include <QFontDatabase>
#include <QLabel>
#include <QVBoxLayout>

namespace bitwright::views {
namespace {

QLabel* line(QWidget* parent, bool small)
{
    auto* label = new QLabel(parent);
    label->setTextFormat(Qt::PlainText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    label->setMinimumWidth(1);
    if (small) {
        QFont font = label->font();
        font.setPointSizeF(font.pointSizeF() - 1);
        label->setFont(font);
        label->setForegroundRole(QPalette::PlaceholderText);
        label->setWordWrap(true);
    }
    return label;
}

QString parameters_in_words(std::int64_t n)
{
    if (n >= 1'000'000'000) return ModelHeader::tr("%1 billion parameters").arg(number(static_cast<double>(n) / 1e9));
    if (n >= 1'000'000) return ModelHeader::tr("%1 million parameters").arg(number(static_cast<double>(n) / 1e6));
    return ModelHeader::tr("%1 parameters").arg(count(n));
}

}  // namespace

ModelHeader::ModelHeader(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk), name_(line(this, false)), sizes_(line(this, true)), hash_(line(this, true))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    column->setSpacing(2);
    QFont bold = name_->font();
    bold.setWeight(QFont::DemiBold);
    name_->setFont(bold);
    for (auto* label : {name_, sizes_, hash_}) column->addWidget(label);
    connect(&desk_, &Desk::model_changed, this, &ModelHeader::refresh);
    connect(&desk_, &Desk::results_changed, this, &ModelHeader::refresh);  // a first job knows the content
    refresh();
}

void ModelHeader::refresh()
{
    const auto& model = desk_.model();
    const auto& row = desk_.model_row();
    setVisible(model || row);
    if (!model && !row) return;
    const QString folder = desk_.model_folder();
    name_text_ = QFileInfo(folder).fileName();
    name_->setToolTip(QDir::toNativeSeparators(folder));
    if (model) {
        const auto& architecture = model->architecture();
        const QString layers = architecture.layers == 1 ? tr("1 layer") : tr("%1 layers").arg(count(architecture.layers));
        sizes_->setText(tr("%1 · %2 · vocabulary %3").arg(QString::fromStdString(architecture.model_type), layers, count(architecture.vocab)) + QLatin1Char('\n') +
                        tr("%1 · %2").arg(parameters_in_words(model->description->parameter_count()), bytes(model->checkpoint->weight_bytes())));
        const QString identity = QString::fromStdString(model->checkpoint->identity());
        const QString content = row ? QString::fromStdString(row->content_hash) : QString();
        hash_->setText(content.isEmpty() ? tr("identity %1").arg(identity.left(12)) : tr("content %1").arg(content.left(12)));
        hash_->setToolTip(content.isEmpty() ? tr("Identity by headers, sizes and times: %1\nThe content is hashed by the first job.").arg(identity)
                                            : tr("SHA-256 of everything in the folder: %1\nIdentity by headers, sizes and times: %2").arg(content, identity));
    } else {
        sizes_->setText(row->parameters ? tr("%1 · %2").arg(QString::fromStdString(row->family), parameters_in_words(*row->parameters)) : QString::fromStdString(row->family));
        hash_->setText(tr("content %1").arg(QString::fromStdString(row->content_hash).left(12)));
        hash_->setToolTip(QString::fromStdString(row->content_hash));
    }
    elide();
}

void ModelHeader::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    elide();
}

void ModelHeader::elide() { name_->setText(name_->fontMetrics().elidedText(name_text_, Qt::ElideMiddle, std::max(40, width() - 16))); }

}  // namespace bitwright::views
