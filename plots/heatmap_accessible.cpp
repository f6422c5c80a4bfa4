// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/heatmap_accessible.h"

#include "plots/heatmap.h"

#include <QAccessibleWidget>

namespace bitwright::plots {
namespace {

class AccessibleHeatmap : public QAccessibleWidget {
public:
    explicit AccessibleHeatmap(HeatmapView* view) : QAccessibleWidget(view, QAccessible::Chart) {}

    [[nodiscard]] QString text(QAccessible::Text what) const override
    {
        const auto& view = static_cast<const HeatmapView&>(*widget());
        switch (what) {
            case QAccessible::Name: {
                const QString given = QAccessibleWidget::text(what);
                return given.isEmpty() ? HeatmapView::tr("Heatmap %1").arg(view.exportTitle()).trimmed() : given;
            }
            case QAccessible::Value: return view.isEmpty() ? view.emptyText() : view.description(view.currentCell());
            case QAccessible::Description: {
                const QString given = QAccessibleWidget::text(what);
                if (!given.isEmpty() || view.isEmpty()) return given;
                const Heatmap& data = view.data();
                return HeatmapView::tr("%1 × %2 cells, %3 by %4, %5. Arrow keys move from cell to cell.").arg(data.rows).arg(data.columns).arg(data.row_axis, data.column_axis, data.unit);
            }
            default: return QAccessibleWidget::text(what);
        }
    }
};

QAccessibleInterface* make(const QString& class_name, QObject* object)
{
    if (class_name != QLatin1String(HeatmapView::staticMetaObject.className())) return nullptr;
    return new AccessibleHeatmap(static_cast<HeatmapView*>(object));
}

}  // namespace

void install_heatmap_accessibility()
{
    static const bool installed = (QAccessible::installFactory(make), true);
    static_cast<void>(installed);
}

void announce_heatmap_cell(HeatmapView& view)
{
    if (!QAccessible::isActive()) return;
    QAccessibleValueChangeEvent event(&view, view.description(view.currentCell()));
    QAccessible::updateAccessibility(&event);
}

void announce_heatmap_reset(HeatmapView& view)
{
    if (!QAccessible::isActive()) return;
    QAccessibleEvent event(&view, QAccessible::NameChanged);
    QAccessible::updateAccessibility(&event);
    announce_heatmap_cell(view);
}

}  // namespace bitwright::plots
