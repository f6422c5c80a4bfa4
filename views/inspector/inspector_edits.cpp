// SPDX-License-Identifier: GPL-3.0-or-later
// InspectorPanel: from controls to revisions.
#include "views/inspector/inspector_panel.h"

#include "core/recipe/statistics_under.h"
#include "core/recipe/transforms.h"
#include "plots/range_histogram.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/desk/site_titles.h"

#include <QComboBox>
#include <QLineEdit>
#include <QLocale>

#include <array>
#include <charconv>
#include <cmath>

namespace bitwright::views {
namespace {

/// Shortest text that reads back to the same float.
std::string text_of(float value)
{
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}
std::string text_of(const Numbers& values)
{
    std::string text;
    for (const float value : *values) text += (text.empty() ? "" : ",") + text_of(value);
    return text;
}

}  // namespace

const SiteDecision* InspectorPanel::head_decision() const
{
    const auto recipe = desk_.recipe();
    if (!recipe || !subject_) return nullptr;
    const auto found = recipe->sites.find(subject_->site.name);
    return found == recipe->sites.end() ? nullptr : &found->second;
}

void InspectorPanel::release(double minimum, double maximum)
{
    moving_ = false;
    const auto* decision = head_decision();
    const auto ends = decision ? ends_of(decision->scheme, decision->range) : std::nullopt;
    const auto low = static_cast<float>(minimum), high = static_cast<float>(maximum);
    if (!decision || (ends && static_cast<float>(ends->first) == low && static_cast<float>(ends->second) == high)) return restore_head();  // Esc, or back where it was
    edit({{"min", text_of(low)}, {"max", text_of(high)}});
}

void InspectorPanel::typed()
{
    const bool low_typed = minimum_->isModified(), high_typed = maximum_->isModified();
    if (!head_decision() || (!low_typed && !high_typed)) return;
    minimum_->setModified(false);
    maximum_->setModified(false);
    double low = 0, high = 0;
    for (auto [field, value] : {std::pair{minimum_, &low}, std::pair{maximum_, &high}}) {
        if (const auto number = typed_number(field->text())) {
            *value = *number;
            continue;
        }
        refuse(tr("“%1” is no number; type one like %2.").arg(field->text(), QLocale().toString(12.5)));
        return restore_head();
    }
    const auto ends = ends_of(scheme_, range_);
    // what the fields show is rounded: what was not typed over stays exactly as it is
    if (ends && !low_typed) low = ends->first;
    if (ends && !high_typed) high = ends->second;
    if (histogram_->symmetric()) (high_typed ? low : high) = high_typed ? -high : -low;
    if (!(static_cast<float>(low) < static_cast<float>(high))) {
        refuse(tr("A range needs a width: the minimum (%1) must lie below the maximum (%2).").arg(number(low, 4), number(high, 4)));
        return restore_head();
    }
    before_ = now_;
    release(low, high);
}

void InspectorPanel::choose_bits(int index)
{
    const int bits = bits_->itemData(index).toInt();
    if (!subject_ || bits == (scheme_.kind == SchemeKind::floating ? 0 : scheme_.bits)) return;
    Assignments assignments;
    if (bits == 0) {
        assignments = {{"kind", "float"}};
    } else {
        assignments = {{"kind", "uniform"}, {"bits", std::to_string(bits)}};
        const auto* decision = subject_->decision();
        const bool has_range = decision && (decision->range.min || decision->range.scale);
        if (!has_range && subject_->site.kind == SiteKind::activation && subject_->values) {
            assignments.emplace_back("min", text_of(subject_->values->min));
            assignments.emplace_back("max", text_of(subject_->values->max));
        }
    }
    before_ = now_;
    edit(assignments);
}

void InspectorPanel::choose_symmetry(int index)
{
    const bool symmetric = index == 1;
    if (!subject_ || symmetric == scheme_.symmetric) return;
    before_ = now_;
    edit({{"symmetric", symmetric ? "true" : "false"}});
}

void InspectorPanel::apply_rule(const QString& rule)
{
    if (!subject_ || !subject_->decision()) return;
    before_ = now_;
    message_->dismiss();
    const QStringList changes{QStringLiteral("range=") + rule};
    desk_.lanes().interactive.post(
        this, QStringLiteral("inspector.rule"),
        [this, model = *desk_.model(), base = desk_.recipe(), statistics = desk_.statistics(), pattern = target_pattern(), rule = rule.toStdString(), changes](const Control&) -> Lane::Continuation {
            const StatisticsUnder seen(model, *base, statistics);
            auto next = std::make_shared<Recipe>(edit_sites(*base, model, pattern, {{"range", rule}}, [&](const Site& site) { return seen.find(site.name); }));
            return [this, base, next, changes] {
                if (base != desk_.recipe()) return refuse(tr("The recipe has changed meanwhile; press the button again."));
                commit(std::move(*next), changes);
            };
        },
        [this](const QString& sentence) { refuse(sentence); });
}

std::optional<Range> InspectorPanel::learned_range() const
{
    const auto* decision = subject_ ? subject_->decision() : nullptr;
    if (!decision) return std::nullopt;
    const auto fits = [&](const SiteDecision& d) { return (d.range.scale || d.range.source == "learned") && d.scheme == decision->scheme; };
    std::shared_ptr<const Revision> revision = desk_.revisions().head();
    for (int depth = 0; revision && depth < 200; ++depth, revision = revision->parent) {
        if (!revision->recipe) continue;
        const auto found = revision->recipe->sites.find(subject_->site.name);
        if (found != revision->recipe->sites.end() && fits(found->second)) return found->second.range;
    }
    return std::nullopt;
}

void InspectorPanel::apply_learned()
{
    const auto range = learned_range();
    if (!range) return;
    before_ = now_;
    const int kept = apply_to_->currentIndex();
    apply_to_->setCurrentIndex(0);  // what was learned for one site is for that site
    if (range->scale && range->offset)
        edit({{"scale", text_of(range->scale)}, {"offset", text_of(range->offset)}});
    else if (range->scale)
        edit({{"scale", text_of(range->scale)}});
    else
        edit({{"min", text_of(range->min)}, {"max", text_of(range->max)}});
    apply_to_->setCurrentIndex(kept);
}

void InspectorPanel::start_recipe()
{
    if (!desk_.calibration()) {
        Q_EMIT desk_.calibration_wanted();
        return;
    }
    const QStringList arguments{QStringLiteral("quantize"),      desk_.model_folder(),    QStringLiteral("--calibration"), QStringLiteral("calibration:%1").arg(desk_.calibration()->id),
                                QStringLiteral("--method"),      QStringLiteral("rtn"),   QStringLiteral("--weights"),     QStringLiteral("8"),
                                QStringLiteral("--activations"), QStringLiteral("8"),     QStringLiteral("-w"),            desk_.workspace_path()};
    desk_.actions().set_command_line(arguments);
    desk_.jobs().submit(tr("Round to nearest W8A8"), arguments);
}

std::string InspectorPanel::target_pattern() const
{
    const QString target = apply_to_->currentData().toString();
    return target.isEmpty() ? subject_->site.name : target.toStdString();
}

void InspectorPanel::edit(const Assignments& assignments)
{
    if (!subject_ || !desk_.recipe() || !desk_.model()) return;
    message_->dismiss();
    const auto base = desk_.recipe();
    const auto pattern = target_pattern();
    QStringList changes;
    bool slow = false;  // slices of weights are read anew
    for (const auto& [key, value] : assignments) {
        changes.append(QString::fromStdString(key + "=" + value));
        slow |= subject_->site.kind == SiteKind::weight && key != "min" && key != "max" && key != "scale" && key != "offset";
    }
    if (!slow) {
        try {
            commit(edit_sites(*base, *desk_.model(), pattern, assignments), changes);
        } catch (const Error& error) {
            refuse(QString::fromUtf8(error.what()));
            restore_head();
        }
        return;
    }
    desk_.lanes().interactive.post(
        this, QStringLiteral("inspector.edit"),
        [this, base, model = *desk_.model(), pattern, assignments, changes](const Control&) -> Lane::Continuation {
            auto next = std::make_shared<Recipe>(edit_sites(*base, model, pattern, assignments));
            return [this, base, next, changes] {
                if (base != desk_.recipe()) return refuse(tr("The recipe has changed meanwhile; choose again."));
                commit(std::move(*next), changes);
            };
        },
        [this](const QString& sentence) {
            refuse(sentence);
            restore_head();
        });
}

void InspectorPanel::commit(Recipe next, const QStringList& changes)
{
    const auto head = desk_.revisions().head();
    const auto pattern = QString::fromStdString(target_pattern());
    const auto row = head ? head->stored.load() : 0;
    editing_ = true;
    ask_windows_ = true;
    desk_.revisions().edit(std::move(next));
    editing_ = false;
    if (desk_.revisions().head() == head) {  // it decides the same
        ask_windows_ = false;
        return restore_head();
    }
    QStringList line;
    if (row != 0)
        line = QStringList{QStringLiteral("recipe"), QStringLiteral("set"), QStringLiteral("recipe:%1").arg(row), QStringLiteral("--site"), pattern} + changes +
               QStringList{QStringLiteral("-w"), desk_.workspace_path()};
    desk_.actions().set_command_line(line);
}

void InspectorPanel::refuse(const QString& sentence) { message_->show_error(sentence); }

void InspectorPanel::restore_head()
{
    moving_ = false;
    const auto* decision = head_decision();
    if (!decision) return;
    scheme_ = decision->scheme;
    range_ = decision->range;
    show_scheme();
    show_range();
    show_grid();
    if (const auto ends = ends_of(scheme_, range_)) histogram_->setRange(ends->first, ends->second);
    before_ = {};
    measure(false);
}

}  // namespace bitwright::views
