// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/site_delegate.h"

#include "core/recipe/legality.h"
#include "views/tune/site_table_model.h"

#include <QComboBox>
#include <QLineEdit>
#include <QSortFilterProxyModel>

#include <algorithm>

namespace bitwright::views {
namespace {

struct Choice {
    QString title, value;
    Scheme scheme;
};

/// Knows whether a choice came from the open list: that is the edit. One made by typing or arrows waits for Enter.
class ChoiceBox : public QComboBox {
public:
    using QComboBox::QComboBox;
    void showPopup() override
    {
        opened_ = true;
        QComboBox::showPopup();
    }
    [[nodiscard]] bool opened() const noexcept { return opened_; }

protected:
    void keyPressEvent(QKeyEvent* event) override
    {
        opened_ = false;
        QComboBox::keyPressEvent(event);
    }

private:
    bool opened_ = false;
};

/// What a column's editor could offer, before legality.
std::vector<Choice> choices(int column, const Scheme& now)
{
    std::vector<Choice> all;
    if (column == SiteTableModel::bits_column) {
        Scheme off = now;
        off.kind = SchemeKind::floating;
        all.push_back({SiteDelegate::tr("float"), QStringLiteral("float"), off});
        for (int bits = 2; bits <= 16; ++bits) {
            Scheme scheme = now;
            scheme.kind = SchemeKind::uniform;
            scheme.bits = bits;
            all.push_back({QString::number(bits), QString::number(bits), scheme});
        }
    } else if (column == SiteTableModel::symmetry_column) {
        for (const bool symmetric : {true, false}) {
            Scheme scheme = now;
            scheme.symmetric = symmetric;
            all.push_back({symmetric ? SiteDelegate::tr("symmetric") : SiteDelegate::tr("asymmetric"), symmetric ? QStringLiteral("true") : QStringLiteral("false"), scheme});
        }
    } else {
        const auto add = [&](Granularity granularity, std::int64_t group) {
            Scheme scheme = now;
            scheme.granularity = granularity;
            scheme.group_size = group;
            if (granularity == Granularity::token) scheme.dynamic = true;
            if (granularity != Granularity::group) scheme.integer_group_scales = false;
            QString name = QString::fromUtf8(name_of(granularity).data(), static_cast<qsizetype>(name_of(granularity).size()));
            if (group > 0) name += QLatin1Char(':') + QString::number(group);
            all.push_back({name, name, scheme});
        };
        for (const auto granularity : {Granularity::tensor, Granularity::row, Granularity::channel, Granularity::head, Granularity::token}) add(granularity, 0);
        for (const std::int64_t group : {32, 64, 128}) add(Granularity::group, group);
    }
    return all;
}

}  // namespace

QWidget* SiteDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem&, const QModelIndex& index) const
{
    const auto* proxy = qobject_cast<const QSortFilterProxyModel*>(index.model());
    const auto* table = qobject_cast<const SiteTableModel*>(proxy ? proxy->sourceModel() : index.model());
    const int row = proxy ? proxy->mapToSource(index).row() : index.row(), column = index.column();
    QWidget* editor = nullptr;
    if (column == SiteTableModel::bits_column || column == SiteTableModel::symmetry_column || column == SiteTableModel::granularity_column) {
        auto* box = new ChoiceBox(parent);
        const auto* decision = table->decision(row);
        QStringList left_out;
        for (const auto& choice : choices(column, decision ? decision->scheme : Scheme{})) {
            auto fault = scheme_fault(*table->model(), table->site(row), choice.scheme);
            if (fault.empty() && table->npu() && table->recipe()) fault = npu_fault(*table->npu(), *table->model(), *table->recipe(), table->site(row), choice.scheme);
            if (fault.empty())
                box->addItem(choice.title, choice.value);
            else
                left_out << choice.title + QStringLiteral(": ") + QString::fromStdString(fault);
        }
        if (!left_out.isEmpty()) box->setToolTip(tr("Not offered here:") + QLatin1Char('\n') + left_out.join(QLatin1Char('\n')));
        connect(box, &QComboBox::activated, this, [this, box] {
            if (!box->opened()) return;
            auto* self = const_cast<SiteDelegate*>(this);
            Q_EMIT self->commitData(box);
            Q_EMIT self->closeEditor(box, QAbstractItemDelegate::NoHint);
        });
        editor = box;
    } else {
        auto* line = new QLineEdit(parent);
        line->setFrame(false);
        editor = line;
    }
    editor->setAccessibleName(index.model()->headerData(column, Qt::Horizontal).toString());
    return editor;
}

void SiteDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const
{
    const QString now = index.data(Qt::EditRole).toString();
    if (auto* box = qobject_cast<QComboBox*>(editor))
        box->setCurrentIndex(std::max(0, box->findData(now.section(QLatin1Char(' '), 0, 0))));
    else if (auto* line = qobject_cast<QLineEdit*>(editor); line && !line->isModified()) {
        line->setText(now);
        line->selectAll();
    }
}

void SiteDelegate::setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const
{
    const auto* box = qobject_cast<QComboBox*>(editor);
    const auto* line = qobject_cast<QLineEdit*>(editor);
    const QString text = box ? box->currentData().toString() : line ? line->text() : QString();
    if (text != index.data(Qt::EditRole).toString()) model->setData(index, text, Qt::EditRole);
}

void SiteDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex&) const
{
    QRect place = option.rect;
    place.setWidth(std::max(place.width(), qobject_cast<QComboBox*>(editor) ? editor->sizeHint().width() : 96));
    editor->setGeometry(place);
}

}  // namespace bitwright::views
