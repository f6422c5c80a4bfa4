// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/range_accessible.h"

#include "plots/range_histogram.h"

#include <QAccessibleWidget>

namespace bitwright::plots {
namespace {

class AccessibleRange : public QAccessibleWidget, public QAccessibleValueInterface {
public:
    explicit AccessibleRange(RangeHistogramView* view) : QAccessibleWidget(view, QAccessible::Slider) {}

    void* interface_cast(QAccessible::InterfaceType type) override
    {
        return type == QAccessible::ValueInterface ? static_cast<QAccessibleValueInterface*>(this) : QAccessibleWidget::interface_cast(type);
    }
    [[nodiscard]] QString text(QAccessible::Text what) const override
    {
        const QString given = QAccessibleWidget::text(what);
        if (what == QAccessible::Value) return view().isEmpty() ? view().emptyText() : view().rangeSentence();
        if (what == QAccessible::Name && given.isEmpty()) return RangeHistogramView::tr("Range of %1").arg(view().title().isEmpty() ? view().data().value_axis : view().title());
        if (what == QAccessible::Description && given.isEmpty()) return RangeHistogramView::tr("Tab chooses minimum or maximum, the arrow keys move it by one code, with Shift by ten.");
        return given;
    }
    [[nodiscard]] QVariant currentValue() const override
    {
        if (!view().hasRange()) return {};
        return view().currentHandle() == RangeHandle::minimum ? view().minimum() : view().maximum();
    }
    void setCurrentValue(const QVariant&) override {}  // by its keys only: a range needs a handle, a code and an undo step
    [[nodiscard]] QVariant maximumValue() const override { return view().currentHandle() == RangeHandle::minimum ? QVariant(view().maximum()) : QVariant(); }
    [[nodiscard]] QVariant minimumValue() const override { return view().currentHandle() == RangeHandle::minimum ? QVariant() : QVariant(view().minimum()); }
    [[nodiscard]] QVariant minimumStepSize() const override { return view().grid() ? QVariant(view().grid()->scale) : QVariant(); }

private:
    [[nodiscard]] const RangeHistogramView& view() const { return static_cast<const RangeHistogramView&>(*widget()); }
};

QAccessibleInterface* make(const QString& class_name, QObject* object)
{
    if (class_name != QLatin1String(RangeHistogramView::staticMetaObject.className())) return nullptr;
    return new AccessibleRange(static_cast<RangeHistogramView*>(object));
}

}  // namespace

void install_range_accessibility()
{
    static const bool installed = (QAccessible::installFactory(make), true);
    static_cast<void>(installed);
}

void announce_range(RangeHistogramView& view)
{
    if (!QAccessible::isActive()) return;
    QAccessibleValueChangeEvent event(&view, view.rangeSentence());
    QAccessible::updateAccessibility(&event);
}

}  // namespace bitwright::plots
