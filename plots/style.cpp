// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/style.h"

#include <QGuiApplication>

#include <algorithm>
#include <cmath>
#include <span>

namespace bitwright::plots {
namespace {

/// 256 colours through equidistant anchors.
std::array<QRgb, 256> interpolated(std::span<const QRgb> anchors)
{
    std::array<QRgb, 256> colours{};
    for (std::size_t i = 0; i < colours.size(); ++i) {
        const double position = static_cast<double>(i) / 255.0 * static_cast<double>(anchors.size() - 1);
        const auto low = std::min(static_cast<std::size_t>(position), anchors.size() - 2);
        const double share = position - static_cast<double>(low);
        const auto mix = [&](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * share)); };
        const QRgb a = anchors[low], b = anchors[low + 1];
        colours[i] = qRgb(mix(qRed(a), qRed(b)), mix(qGreen(a), qGreen(b)), mix(qBlue(a), qBlue(b)));
    }
    return colours;
}

constexpr std::array<QRgb, 9> viridis{0xff440154, 0xff472d7b, 0xff3b528b, 0xff2c728e, 0xff21918c, 0xff28ae80, 0xff5ec962, 0xffaddc30, 0xfffde725};
constexpr std::array<QRgb, 11> cividis{0xff00224e, 0xff083370, 0xff35456c, 0xff4f576c, 0xff666970, 0xff7d7c78, 0xff948e77, 0xffaea371, 0xffc8b866, 0xffe5cf52, 0xfffee838};
constexpr std::array<QRgb, 9> magma{0xff000004, 0xff1d1147, 0xff51127c, 0xff822681, 0xffb63679, 0xffe65164, 0xfffb8861, 0xfffec287, 0xfffcfdbf};
constexpr std::array<QRgb, 2> grey{0xff101010, 0xfff4f4f4};
constexpr std::array<QRgb, 9> difference{0xff2166ac, 0xff4393c3, 0xff92c5de, 0xffd1e5f0, 0xfff7f7f7, 0xfffddbc7, 0xfff4a582, 0xffd6604d, 0xffb2182b};

}  // namespace

Style default_style(bool dark)
{
    Style style;
    const auto pick = [dark](QRgb light, QRgb on_dark) { return QColor::fromRgb(dark ? on_dark : light); };
    style.background = pick(0xffffffff, 0xff1e1f22);
    style.text = pick(0xff1f2328, 0xffe3e5e8);
    style.muted_text = pick(0xff5c636b, 0xffa3a9b1);
    style.grid = pick(0xffe3e5e8, 0xff35373c);
    style.accent = pick(0xff0b6bcb, 0xff5aa9f5);
    style.selection = pick(0xffcfe4fa, 0xff274766);
    style.unmeasured = pick(0xffb4b9bf, 0xff5a5e66);
    style.font = QGuiApplication::font();
    style.caption_font = style.font;
    style.caption_font.setPointSizeF(style.font.pointSizeF() > 0 ? style.font.pointSizeF() * 0.9 : 8);
    style.dark = dark;
    style.categories.fill(style.text);
    return style;
}

const std::array<QRgb, 256>& colours_of(Sequence sequence)
{
    static const std::array<std::array<QRgb, 256>, 5> all{interpolated(viridis), interpolated(cividis), interpolated(magma), interpolated(grey), interpolated(difference)};
    return all[static_cast<std::size_t>(sequence)];
}

Marker category_marker(int index) noexcept { return static_cast<Marker>(((index % 8) + 8) % 8); }

}  // namespace bitwright::plots
