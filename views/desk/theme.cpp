// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/theme.h"

#include "core/exchange/method_looks.h"
#include "core/numerics/method_list.h"

#include <QApplication>
#include <QCoreApplication>
#include <QFile>
#include <QFontDatabase>
#include <QIconEngine>
#include <QPainter>
#include <QProxyStyle>
#include <QStyleFactory>
#include <QStyleOption>
#include <QSvgRenderer>

#include <algorithm>
#include <array>

namespace bitwright::views {
namespace {

Appearance applied = Appearance::light;

struct Colours {
    QRgb window, base, alternate, text, muted, button, border, outline, accent, on_accent, link, tooltip;
};
constexpr std::array<Colours, 3> colours{{
    {0xfff3f4f6, 0xffffffff, 0xfff8f9fa, 0xff1b1d21, 0xff5a6068, 0xffe9ebee, 0xffc4c8ce, 0xff8a9099, 0xff1f6fb5, 0xffffffff, 0xff1a5f9e, 0xffffffff},
    {0xff24262a, 0xff1b1d20, 0xff212327, 0xffe6e8ea, 0xffa3a9b0, 0xff2f3237, 0xff4a4e55, 0xff757b84, 0xff4aa8e0, 0xff0d1114, 0xff7cc0ee, 0xff2f3237},
    {0xff000000, 0xff000000, 0xff101010, 0xffffffff, 0xffe0e0e0, 0xff000000, 0xffffffff, 0xffffffff, 0xffffd400, 0xff000000, 0xff7fd4ff, 0xff000000},
}};
const Colours& now() { return colours[static_cast<std::size_t>(applied)]; }

/// Paints an SVG whose strokes and fills are "currentColor" in the palette's colour for the mode.
class SvgIconEngine : public QIconEngine {
public:
    explicit SvgIconEngine(QByteArray svg) : svg_(std::move(svg)) {}
    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override
    {
        const auto group = mode == QIcon::Disabled ? QPalette::Disabled : QPalette::Active;
        const auto role = mode == QIcon::Selected ? QPalette::HighlightedText : QPalette::WindowText;
        QByteArray coloured = svg_;
        coloured.replace("currentColor", QApplication::palette().color(group, role).name().toLatin1());
        QSvgRenderer(coloured).render(painter, rect);
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override
    {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, QRect(QPoint(), size), mode, state);
        return pixmap;
    }
    [[nodiscard]] QIconEngine* clone() const override { return new SvgIconEngine(svg_); }

private:
    QByteArray svg_;
};

/// Fusion draws its outlines darker than the window, which a dark window swallows: there they are drawn as if the window were lighter.
class FusionWithOutlines : public QProxyStyle {
public:
    FusionWithOutlines() : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion"))) {}
    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter, const QWidget* widget) const override
    {
        if (element == PE_PanelButtonCommand) return draw_button(*option, *painter);
        const bool outlined = element == PE_IndicatorCheckBox || element == PE_IndicatorItemViewItemCheck || element == PE_IndicatorRadioButton || element == PE_FrameLineEdit ||
                              element == PE_PanelLineEdit;
        const Outlined lighter(outlined ? option : nullptr);
        QProxyStyle::drawPrimitive(element, option, painter, widget);
    }
    void drawControl(ControlElement element, const QStyleOption* option, QPainter* painter, const QWidget* widget) const override
    {
        if (element == CE_ToolBar) {
            painter->fillRect(option->rect, option->palette.color(QPalette::Window));
            if (option->state & State_Horizontal) painter->fillRect(QRect(option->rect.left(), option->rect.bottom(), option->rect.width(), 1), QColor(now().border));
            return;
        }
        const auto* bar = qstyleoption_cast<const QStyleOptionProgressBar*>(option);
        if (element == CE_ProgressBarGroove) return draw_groove(*option, *painter);
        if (element == CE_ProgressBarContents && bar && bar->maximum > bar->minimum) return draw_progress(*bar, *painter);
        QProxyStyle::drawControl(element, option, painter, widget);
    }
    /// The arrow of a sorted column above its title, where no right-aligned title runs into it.
    QRect subElementRect(SubElement element, const QStyleOption* option, const QWidget* widget) const override
    {
        if (element == SE_HeaderArrow) return {option->rect.center().x() - 5, option->rect.top(), 10, 6};
        return QProxyStyle::subElementRect(element, option, widget);
    }
    void drawComplexControl(ComplexControl control, const QStyleOptionComplex* option, QPainter* painter, const QWidget* widget) const override
    {
        const Outlined lighter(control == CC_ComboBox || control == CC_SpinBox ? option : nullptr);
        QProxyStyle::drawComplexControl(control, option, painter, widget);
    }

private:
    /// Buttons and bars are flat: a fill, a line, and the accent where the key Return or the next key goes.
    static void draw_button(const QStyleOption& option, QPainter& painter)
    {
        const bool enabled = option.state & State_Enabled, pressed = option.state & (State_Sunken | State_On), hovered = enabled && option.state & State_MouseOver;
        const auto* button = qstyleoption_cast<const QStyleOptionButton*>(&option);
        const bool asked = enabled && button && button->features & QStyleOptionButton::DefaultButton, focused = option.state & State_HasFocus && option.state & State_KeyboardFocusChange;
        QColor fill(now().button);
        if (pressed) fill = applied == Appearance::high_contrast ? QColor(0x40, 0x40, 0x40) : QColor(now().border);
        else if (hovered) fill = applied == Appearance::light ? QColor(now().base) : applied == Appearance::dark ? fill.lighter(125) : QColor(0x20, 0x20, 0x20);
        const double pen = focused ? 2 : 1;
        painter.save();
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setBrush(fill);
        painter.setPen(QPen(QColor(asked || focused ? now().accent : enabled ? now().outline : now().border), pen));
        painter.drawRoundedRect(QRectF(option.rect).adjusted(pen / 2, pen / 2, -pen / 2, -pen / 2), 3, 3);
        painter.restore();
    }
    static void draw_groove(const QStyleOption& option, QPainter& painter)
    {
        painter.fillRect(option.rect, QColor(now().border));
        painter.fillRect(option.rect.adjusted(1, 1, -1, -1), QColor(now().base));
    }
    static void draw_progress(const QStyleOptionProgressBar& bar, QPainter& painter)
    {
        const double share = static_cast<double>(bar.progress - bar.minimum) / (bar.maximum - bar.minimum);
        painter.fillRect(QRectF(bar.rect).adjusted(0, 0, -bar.rect.width() * (1 - std::clamp(share, 0.0, 1.0)), 0), QColor(now().accent));
    }

    /// The option with another window colour while it lives. A QStyleOption cannot be copied without knowing its class.
    class Outlined {
    public:
        explicit Outlined(const QStyleOption* option) : option_(applied == Appearance::light ? nullptr : const_cast<QStyleOption*>(option))
        {
            if (!option_) return;
            before_ = option_->palette;
            option_->palette.setColor(QPalette::Window, QColor(now().outline).lighter(140));  // Fusion darkens by as much
        }
        ~Outlined()
        {
            if (option_) option_->palette = before_;
        }
        Outlined(const Outlined&) = delete;
        Outlined& operator=(const Outlined&) = delete;

    private:
        QStyleOption* option_;
        QPalette before_;
    };
};

}  // namespace

Appearance appearance_of(ThemeChoice choice)
{
    if (choice == ThemeChoice::light) return Appearance::light;
    if (choice == ThemeChoice::dark) return Appearance::dark;
    if (choice == ThemeChoice::high_contrast) return Appearance::high_contrast;
    static const bool dark = QApplication::palette().color(QPalette::Window).lightnessF() < 0.5F;  // before our first palette: the platform's
    return dark ? Appearance::dark : Appearance::light;
}

QPalette palette_of(Appearance appearance)
{
    const auto& c = colours[static_cast<std::size_t>(appearance)];
    const auto mixed = [](QRgb a, QRgb b) { return qRgb((2 * qRed(a) + qRed(b)) / 3, (2 * qGreen(a) + qGreen(b)) / 3, (2 * qBlue(a) + qBlue(b)) / 3); };
    QPalette palette;
    const auto set = [&](QPalette::ColorRole role, QRgb colour) { palette.setColor(role, QColor(colour)); };
    set(QPalette::Window, c.window);
    set(QPalette::WindowText, c.text);
    set(QPalette::Base, c.base);
    set(QPalette::AlternateBase, c.alternate);
    set(QPalette::Text, c.text);
    set(QPalette::PlaceholderText, c.muted);
    set(QPalette::Button, c.button);
    set(QPalette::ButtonText, c.text);
    set(QPalette::BrightText, c.on_accent);
    set(QPalette::ToolTipBase, c.tooltip);
    set(QPalette::ToolTipText, c.text);
    set(QPalette::Highlight, c.accent);
    set(QPalette::HighlightedText, c.on_accent);
    set(QPalette::Link, c.link);
    set(QPalette::LinkVisited, c.link);
    set(QPalette::Light, c.base);
    set(QPalette::Midlight, c.button);
    set(QPalette::Mid, c.border);
    set(QPalette::Dark, c.border);
    set(QPalette::Shadow, appearance == Appearance::light ? 0xff9aa0a6 : 0xff000000);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) palette.setColor(QPalette::Disabled, role, QColor(mixed(c.muted, c.window)));
    palette.setColor(QPalette::Disabled, QPalette::Highlight, QColor(c.border));
    return palette;
}

void apply_theme(Appearance appearance)
{
    applied = appearance;
    QApplication::setStyle(new FusionWithOutlines);
    QApplication::setPalette(palette_of(appearance));
    const QString border = QColor(now().border).name();
    qApp->setStyleSheet(QStringLiteral("QToolTip { color: %1; background: %2; border: 1px solid %3; padding: 4px; }"
                                       "QDockWidget::title { padding: 6px 8px; }"
                                       "QHeaderView::section { padding: 4px 6px; border: none; border-bottom: 1px solid %3; background: %4; }")
                            .arg(QColor(now().text).name(), QColor(now().tooltip).name(), border, QColor(now().window).name()));
}

Appearance current_appearance() { return applied; }

namespace {

std::array<QColor, category_colours.size()> categories_now()
{
    std::array<QColor, category_colours.size()> shown;
    std::ranges::transform(category_colours, shown.begin(), [](const CategoryColour& c) { return QColor::fromRgb(applied == Appearance::light ? c.on_light : c.on_dark); });
    return shown;
}

}  // namespace

plots::Style plot_style(plots::Sequence sequence)
{
    plots::Style style;
    style.background = QColor(now().base);
    style.text = QColor(now().text);
    style.muted_text = QColor(now().muted);
    style.grid = applied == Appearance::light ? QColor(0xff, 0xff, 0xff).darker(108) : applied == Appearance::dark ? QColor(0x33, 0x36, 0x3b) : QColor(0x60, 0x60, 0x60);
    style.accent = QColor(now().accent);
    style.selection = QColor(now().accent);
    style.unmeasured = QColor(now().border);
    style.font = QApplication::font();
    style.caption_font = QApplication::font();
    style.caption_font.setPointSizeF(style.font.pointSizeF() - 1);
    style.sequence = sequence;
    style.dark = applied != Appearance::light;
    style.categories = categories_now();
    return style;
}

Signals signal_colours()
{
    if (applied == Appearance::light) return {QColor(0x00, 0x6b, 0x4f), QColor(0x8a, 0x5a, 0x00), QColor(0xb3, 0x26, 0x1e), QColor(0x66, 0x6c, 0x74)};
    return {QColor(0x4c, 0xd1, 0xa5), QColor(0xf0, 0xb4, 0x3c), QColor(0xff, 0x8a, 0x80), QColor(0xa3, 0xa9, 0xb0)};
}

int category_of(const QString& method) { return bitwright::category_of(method.toStdString()); }

QColor method_colour(const QString& method) { return categories_now()[static_cast<std::size_t>(category_of(method))]; }

QString method_title(const QString& method)
{
    const auto text = [](const char* name) { return QCoreApplication::translate("Method", name); };
    if (method == QLatin1String("float")) return text("Float");
    if (method == QLatin1String("by hand")) return text("By hand");
    if (const MethodInfo* known = find_method(method.toStdString())) return text(std::string(known->title).c_str());
    return method;
}

QIcon icon(const QString& name)
{
    QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
    if (!file.open(QIODevice::ReadOnly)) return {};
    return QIcon(new SvgIconEngine(file.readAll()));
}

}  // namespace bitwright::views
