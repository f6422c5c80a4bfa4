// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/optimize/option_list.h"

#include "views/desk/theme.h"

#include <QCoreApplication>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QRegularExpression>
#include <QToolButton>

#include <algorithm>
#include <array>

namespace bitwright::views {
namespace {

/// What an option does, for those that know it by another name.
QString meaning(const QString& key)
{
    static constexpr std::array<std::pair<const char*, const char*>, 50> known{{
        {"alpha", QT_TRANSLATE_NOOP("MethodOption", "SmoothQuant's α: how much of the difficulty moves from activations to weights")},
        {"lr_let", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the scale pairs at the start")},
        {"lr_lwc", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the weight clips at the start")},
        {"lr_lrl", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the activation ranges at the start")},
        {"min_lr_let", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the scale pairs at the end of the cosine")},
        {"min_lr_lwc", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the weight clips at the end of the cosine")},
        {"min_lr_lrl", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the activation ranges at the end of the cosine")},
        {"preset", QT_TRANSLATE_NOOP("MethodOption", "Named setting of everything else")},
        {"recompute", QT_TRANSLATE_NOOP("MethodOption", "Compute layers again in the backward pass: slower, less memory")},
        {"semantics", QT_TRANSLATE_NOOP("MethodOption", "Whose rules of rounding and placement are simulated")},
        {"softmax_input_bits", QT_TRANSLATE_NOOP("MethodOption", "Bits of what enters the softmax")},
        {"softmax_output_bits", QT_TRANSLATE_NOOP("MethodOption", "Bits of the attention probabilities")},
        {"epochs", QT_TRANSLATE_NOOP("MethodOption", "Passes over the calibration")},
        {"learn", QT_TRANSLATE_NOOP("MethodOption", "What is learned: scale pairs (let), weight clips (lwc), activation ranges (ranges), as in let,lwc")},
        {"scope", QT_TRANSLATE_NOOP("MethodOption", "All layers together on the last one's output, or one layer after the other on its own")},
        {"pairs", QT_TRANSLATE_NOOP("MethodOption", "Edge: also scales from up to down and from v to o; static: behind norms only")},
        {"search_windows", QT_TRANSLATE_NOOP("MethodOption", "Calibration windows that a search of ranges by output error reads")},
        {"search_clips", QT_TRANSLATE_NOOP("MethodOption", "How many sizes of a range are tried")},
        {"awq_grid", QT_TRANSLATE_NOOP("MethodOption", "How many exponents of the activation are tried for the scales of a pair")},
        {"clip", QT_TRANSLATE_NOOP("MethodOption", "Clip weights by the error of the outputs, q and k left alone")},
        {"residual", QT_TRANSLATE_NOOP("MethodOption", "Rotate the residual stream (R1); needs RMS norms")},
        {"heads", QT_TRANSLATE_NOOP("MethodOption", "Rotate the heads between v and o (R2)")},
        {"lr_rotation", QT_TRANSLATE_NOOP("MethodOption", "Length of a step of the rotations at the start")},
        {"up_down", QT_TRANSLATE_NOOP("MethodOption", "Scales from up_proj to down_proj: alpha:A moves difficulty into the weights, outliers:K only that of channels beyond K medians")},
        {"norm_qkv", QT_TRANSLATE_NOOP("MethodOption", "Scales from the norm to q, k and v")},
        {"norm_mlp", QT_TRANSLATE_NOOP("MethodOption", "Scales from the norm to gate and up")},
        {"v_o", QT_TRANSLATE_NOOP("MethodOption", "Scales from v_proj to o_proj, one per channel of a key-value head")},
        {"q_k", QT_TRANSLATE_NOOP("MethodOption", "Scales between q and k that make both equally large, tied over each rotated pair")},
        {"sign_flips", QT_TRANSLATE_NOOP("MethodOption", "Negative scales put every channel's larger extreme on one side of down_proj's input")},
        {"weight_range", QT_TRANSLATE_NOOP("MethodOption", "How the grids of weights are chosen")},
        {"range_windows", QT_TRANSLATE_NOOP("MethodOption", "Calibration windows that scales and ranges are taken from")},
        {"gptq", QT_TRANSLATE_NOOP("MethodOption", "Compensate each weight's rounding in the weights after it")},
        {"gptq_windows", QT_TRANSLATE_NOOP("MethodOption", "Calibration windows that GPTQ reads")},
        {"gptq_damping", QT_TRANSLATE_NOOP("MethodOption", "Share of the mean diagonal added to GPTQ's matrix")},
        {"gptq_order", QT_TRANSLATE_NOOP("MethodOption", "Columns by the size of their inputs, or as they are")},
        {"weight_grids", QT_TRANSLATE_NOOP("MethodOption", "Weights of 8 bits on one grid per output row, or as the paper places them")},
        {"gptq_grids", QT_TRANSLATE_NOOP("MethodOption", "Also try other grid sizes and keep what errs least after compensation")},
        {"rounding", QT_TRANSLATE_NOOP("MethodOption", "Learn which way weights are rounded, end to end")},
        {"transform_steps", QT_TRANSLATE_NOOP("MethodOption", "Steps that learn scales, clips and ranges, before GPTQ")},
        {"lr_transforms", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the logarithms of scales")},
        {"lr_clipping", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the logarithms of weight clips")},
        {"lr_ranges", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the logarithms of activation scales, and of zero points in whole grids")},
        {"lr_rounding", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of the rounding, in codes")},
        {"lr_late_ranges", QT_TRANSLATE_NOOP("MethodOption", "Learning rate of activation ranges beside the rounding")},
        {"average", QT_TRANSLATE_NOOP("MethodOption", "Decay of the mean over steps that is kept instead of the last step; 0: the last step")},
        {"batch", QT_TRANSLATE_NOOP("MethodOption", "Slices in a step")},
        {"slice", QT_TRANSLATE_NOOP("MethodOption", "Tokens in a slice of a window")},
        {"checks", QT_TRANSLATE_NOOP("MethodOption", "Held-out losses in a stage, to choose the step that is kept")},
        {"patience", QT_TRANSLATE_NOOP("MethodOption", "Checks without a better one that end a stage; 0: never")},
        {"holdout_windows", QT_TRANSLATE_NOOP("MethodOption", "Calibration windows kept back for the checks where no held-out text is given")},
    }};
    for (const auto& [name, text] : known)
        if (key == QLatin1String(name)) return QCoreApplication::translate("MethodOption", text);
    return {};
}

/// What the form's own fields decide.
bool has_its_own_field(const std::string& key) { return key == "range" || key == "steps" || key == "epochs"; }

}  // namespace

OptionList::OptionList(QWidget* parent) : QWidget(parent), grid_(new QGridLayout(this))
{
    grid_->setContentsMargins(0, 0, 0, 0);
    grid_->setHorizontalSpacing(8);
    grid_->setVerticalSpacing(4);
    grid_->setColumnStretch(1, 1);
}

OptionList::Line OptionList::make(const MethodOption& option)
{
    const auto key = QString::fromStdString(option.key);
    const auto about = QStringList{meaning(key), option.values.empty() ? QString() : tr("Allowed: %1").arg(QString::fromStdString(option.values))};
    const auto tip = about.filter(QRegularExpression(QStringLiteral("."))).join(QLatin1Char('\n'));
    const int row = grid_->rowCount();
    auto* label = new QLabel(key, this);
    label->setToolTip(tip);
    const Line line{new QLineEdit(this), new QToolButton(this)};
    label->setBuddy(line.value);
    line.value->setAccessibleName(key);
    line.value->setAccessibleDescription(tip);
    line.value->setToolTip(tip);
    line.value->setMinimumWidth(56);
    line.reset->setIcon(icon(QStringLiteral("undo")));
    line.reset->setAutoRaise(true);
    line.reset->setAccessibleName(tr("Default of %1").arg(key));
    auto size = line.reset->sizePolicy();
    size.setRetainSizeWhenHidden(true);
    line.reset->setSizePolicy(size);
    grid_->addWidget(label, row, 0);
    grid_->addWidget(line.value, row, 1);
    grid_->addWidget(line.reset, row, 2);
    const auto keep = [this, key, line] {
        const auto text = line.value->text().trimmed();
        line.reset->setVisible(!text.isEmpty());
        if (text.isEmpty()) given_.erase(key);
        else given_[key] = text;
    };
    connect(line.value, &QLineEdit::textChanged, this, keep);
    connect(line.value, &QLineEdit::editingFinished, this, &OptionList::changed);
    connect(line.reset, &QToolButton::clicked, this, [this, line] {
        line.value->clear();
        Q_EMIT changed();
    });
    return line;
}

void OptionList::set_options(const std::vector<MethodOption>& options)
{
    std::vector<MethodOption> wanted;
    std::ranges::copy_if(options, std::back_inserter(wanted), [](const MethodOption& option) { return !has_its_own_field(option.key); });
    const bool same = wanted.size() == lines_.size() && std::ranges::all_of(wanted, [&](const MethodOption& option) { return lines_.contains(QString::fromStdString(option.key)); });
    if (!same) {
        while (auto* item = grid_->takeAt(0)) {
            delete item->widget();
            delete item;
        }
        lines_.clear();
        for (const auto& option : wanted) lines_.emplace(QString::fromStdString(option.key), make(option));
    }
    for (const auto& option : wanted) {
        const auto key = QString::fromStdString(option.key);
        auto& line = lines_.at(key);
        line.value->setPlaceholderText(QString::fromStdString(option.fallback));
        line.reset->setToolTip(tr("Back to %1").arg(QString::fromStdString(option.fallback)));
        const auto found = given_.find(key);
        if (!same) line.value->setText(found == given_.end() ? QString() : found->second);
        line.reset->setVisible(found != given_.end());
    }
}

QStringList OptionList::given() const
{
    QStringList assignments;
    for (const auto& [key, value] : given_)
        if (lines_.empty() || lines_.contains(key)) assignments << key + QLatin1Char('=') + value;
    return assignments;
}

void OptionList::give(const QStringList& assignments)
{
    given_.clear();
    for (const auto& assignment : assignments) given_[assignment.section(QLatin1Char('='), 0, 0)] = assignment.section(QLatin1Char('='), 1);
    for (auto& [key, line] : lines_) {
        const auto found = given_.find(key);
        line.value->setText(found == given_.end() ? QString() : found->second);
    }
}

}  // namespace bitwright::views
