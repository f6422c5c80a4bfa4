// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/playground/playground_sheet.h"

#include "core/checkpoint/tokenizer.h"
#include "core/numerics/text_generator.h"
#include "core/workspace/desk.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/playground/text_side.h"

#include <QCoreApplication>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPointer>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

namespace bitwright::views {
namespace {

/// The text of the first `count` tokens.
QString text_of(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids, std::size_t count)
{
    return QString::fromStdString(tokenizer.decode({ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count)}, true));
}

const QString lane_tag = QStringLiteral("playground");

/// The token at `index` of a text, from the text before it and the one that ends with it. Half a character decodes to something else than a whole one, so only
/// what the texts have in common is before it.
TokenPlace place_of(const QString& text, const QString& before, const QString& with)
{
    int begin = 0;
    const int most = static_cast<int>(std::min({text.size(), before.size(), with.size()}));
    while (begin < most && text[begin] == before[begin]) ++begin;
    return {begin, std::max(begin, static_cast<int>(std::min(text.size(), with.size())))};
}

}  // namespace

PlaygroundSheet::PlaygroundSheet(Desk& desk, QWidget* parent)
    : QDialog(parent), desk_(desk), prompt_(new QPlainTextEdit(this)), tokens_(new QSpinBox(this)), top_k_(new QSpinBox(this)), seed_(new QSpinBox(this)), temperature_(new QDoubleSpinBox(this)),
      top_p_(new QDoubleSpinBox(this)), generate_(new QPushButton(tr("&Generate"), this)), stop_(new QPushButton(tr("&Stop"), this)), status_(new QLabel(this)), message_(new MessageLine(this))
{
    setWindowTitle(tr("Playground"));
    setModal(false);
    resize(880, 600);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 16, 16, 16);
    column->setSpacing(12);
    column->addWidget(make_fields());
    auto* texts = new QHBoxLayout;
    texts->setSpacing(16);
    for (auto*& side : sides_) texts->addWidget(side = new TextSide(this), 1);
    column->addLayout(texts, 1);
    column->addWidget(message_);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    status_->setTextFormat(Qt::PlainText);
    status_->setWordWrap(true);
    buttons->addWidget(status_, 1);
    auto* close = new QPushButton(tr("Close"), this);
    for (auto* button : {close, stop_}) button->setAutoDefault(false);
    generate_->setDefault(true);
    generate_->setToolTip(tr("Ctrl+Enter"));
    buttons->addWidget(stop_);
    buttons->addWidget(close);
    buttons->addWidget(generate_);
    column->addLayout(buttons);
    connect(generate_, &QPushButton::clicked, this, &PlaygroundSheet::generate);
    connect(stop_, &QPushButton::clicked, this, &PlaygroundSheet::stop);
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
    connect(this, &QDialog::finished, this, &PlaygroundSheet::stop);
    connect(&desk_, &Desk::recipe_changed, this, &PlaygroundSheet::show_titles);
    connect(&desk_, &Desk::workspace_closing, this, &PlaygroundSheet::stop);
    show_titles();
    set_generating(false);
    desk_.actions().add(QStringLiteral("desk.playground"), tr("Desk"), tr("Playground: float and the open recipe continue a text"), QKeySequence(Qt::CTRL | Qt::Key_G), [this] {
        show();
        raise();
        activateWindow();
    });
}

QWidget* PlaygroundSheet::make_fields()
{
    auto* fields = new QWidget(this);
    auto* form = new QVBoxLayout(fields);
    form->setContentsMargins({});
    form->setSpacing(8);
    auto* label = new QLabel(tr("&Text to continue"), fields);
    label->setBuddy(prompt_);
    prompt_->setAccessibleName(tr("Text to continue"));
    prompt_->setPlaceholderText(tr("Once upon a time"));
    prompt_->setTabChangesFocus(true);
    prompt_->setFixedHeight(3 * prompt_->fontMetrics().lineSpacing() + 16);
    form->addWidget(label);
    form->addWidget(prompt_);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    const auto add = [&](const QString& name, QAbstractSpinBox* box, const QString& tip) {
        auto* caption = new QLabel(name, fields);
        caption->setBuddy(box);
        box->setAccessibleName(QString(name).remove(QLatin1Char('&')));
        box->setToolTip(tip);
        box->setAccelerated(true);
        row->addWidget(caption);
        row->addWidget(box);
        row->addSpacing(8);
    };
    tokens_->setRange(1, 4096);
    tokens_->setValue(64);
    temperature_->setRange(0, 10);
    temperature_->setSingleStep(0.1);
    temperature_->setSpecialValueText(tr("greedy"));
    top_k_->setRange(0, 1 << 20);
    top_k_->setSpecialValueText(tr("all"));
    top_p_->setRange(0.01, 1);
    top_p_->setSingleStep(0.05);
    top_p_->setValue(1);
    seed_->setRange(0, 1 << 30);
    add(tr("T&okens"), tokens_, tr("At most; the end token ends a text earlier"));
    add(tr("Te&mperature"), temperature_, tr("greedy takes the most likely token each time; 1 draws as the model says, less is calmer"));
    add(tr("Top-&k"), top_k_, tr("Draw among the k most likely tokens"));
    add(tr("Top-&p"), top_p_, tr("Draw among the fewest tokens whose probabilities sum to p"));
    add(tr("S&eed"), seed_, tr("Both texts draw with the same seed"));
    row->addStretch();
    form->addLayout(row);
    const auto adapt = [this] {
        for (QWidget* widget : std::initializer_list<QWidget*>{top_k_, top_p_, seed_}) widget->setEnabled(temperature_->value() > 0);
    };
    connect(temperature_, &QDoubleSpinBox::valueChanged, this, adapt);
    adapt();
    return fields;
}

PlaygroundSheet::Wanted PlaygroundSheet::wanted() const
{
    Wanted wanted;
    wanted.prompt = prompt_->toPlainText();
    wanted.options.tokens = tokens_->value();
    if (temperature_->value() > 0) wanted.options.sampling = {temperature_->value(), top_k_->value(), top_p_->value(), static_cast<std::uint64_t>(seed_->value())};
    return wanted;
}

void PlaygroundSheet::showEvent(QShowEvent* event)
{
    QDialog::showEvent(event);
    if (restored_of_.lock() != desk_.workspace() || !desk_.workspace()) restore();
    prompt_->setFocus();
}

/// Enter is a new line of the prompt, so Ctrl+Enter generates from everywhere; Esc first stops.
void PlaygroundSheet::keyPressEvent(QKeyEvent* event)
{
    const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
    if (enter && event->modifiers().testFlag(Qt::ControlModifier)) return generate();
    if (event->key() == Qt::Key_Escape && generating_) return stop();
    QDialog::keyPressEvent(event);
}

void PlaygroundSheet::restore()
{
    restored_of_ = desk_.workspace();
    if (!desk_.workspace()) return;
    const auto last = desk_value(*desk_.workspace(), "playground");
    if (!last.is_object()) return;
    prompt_->setPlainText(QString::fromStdString(last.value("prompt", std::string())));
    tokens_->setValue(last.value("tokens", tokens_->value()));
    temperature_->setValue(last.value("temperature", 0.0));
    top_k_->setValue(last.value("top_k", 0));
    top_p_->setValue(last.value("top_p", 1.0));
    seed_->setValue(last.value("seed", 0));
}

void PlaygroundSheet::store(const Wanted& wanted)
{
    const nlohmann::json said{{"prompt", wanted.prompt.toStdString()}, {"tokens", tokens_->value()}, {"temperature", temperature_->value()},
                              {"top_k", top_k_->value()},              {"top_p", top_p_->value()},   {"seed", seed_->value()}};
    desk_.lanes().store.post(this, {}, [workspace = desk_.workspace(), said](const Control&) -> Lane::Continuation {
        put_desk_value(*workspace, "playground", said);
        return {};
    }, [](const QString&) {});  // a workspace that cannot be written loses no more than this
}

void PlaygroundSheet::set_command_line(const Wanted& wanted)
{
    const auto& sampling = wanted.options.sampling;
    QStringList line{QStringLiteral("generate"), desk_.model_folder(), QStringLiteral("--prompt"), wanted.prompt, QStringLiteral("--tokens"), QString::number(wanted.options.tokens)};
    if (!sampling.greedy())
        line << QStringLiteral("--temperature") << QString::number(sampling.temperature) << QStringLiteral("--top-k") << QString::number(sampling.top_k)
             << QStringLiteral("--top-p") << QString::number(sampling.top_p) << QStringLiteral("--seed") << QString::number(sampling.seed);
    if (const auto head = desk_.revisions().head()) {
        const auto stored = head->stored.load();
        line << QStringLiteral("--recipe") << QStringLiteral("recipe:%1").arg(stored != 0 ? stored : head->row.id) << QStringLiteral("-w") << desk_.workspace_path();
    }
    desk_.actions().set_command_line(line);
}

void PlaygroundSheet::show_titles()
{
    if (generating_) return;
    const auto head = desk_.revisions().head();
    sides_[0]->set_title(tr("Float"));
    sides_[1]->set_title(head ? tr("%1 (simulated)").arg(recipe_title(head->row)) : tr("No recipe is open"));
}

void PlaygroundSheet::generate()
{
    message_->dismiss();
    const auto asked = wanted();
    if (!desk_.model()) return message_->show_error(tr("No model is open; open one, then its text can be continued"));
    if (asked.prompt.trimmed().isEmpty()) {
        prompt_->setFocus();
        return message_->show_error(tr("There is nothing to continue; write some text above"));
    }
    if (desk_.workspace()) store(asked);
    stop();
    show_titles();
    set_command_line(asked);
    set_generating(true);
    const auto round = ++round_;
    shown_prompt_ = asked.prompt;
    for (std::size_t i = 0; i < 2; ++i) {
        ids_[i].clear();
        sides_[i]->set_text({}, {}, {});
        sides_[i]->set_speed(not_measured);
    }
    status_->setText(tr("Waiting for the processor…"));
    const QPointer<PlaygroundSheet> guard(this);
    const auto on_desk = [guard](std::function<void(PlaygroundSheet&)> say) {  // by way of the application object, as lanes do
        QMetaObject::invokeMethod(QCoreApplication::instance(), [guard, say = std::move(say)] {
            if (guard) say(*guard);
        }, Qt::QueuedConnection);
    };
    desk_.lanes().compute.post(this, lane_tag, [this, asked, round, on_desk, model = *desk_.model(), recipe = desk_.recipe()](const Control& control) -> Lane::Continuation {
        if (!model.checkpoint->has_tokenizer())
            throw bad_input(model.checkpoint->folder().string(), "tokenizer.json", "is not there, so no text can be read or written; put it beside the weights");
        const auto tokenizer = Tokenizer::open(model.checkpoint->tokenizer_path());
        const auto prompt = tokenizer->encode(asked.prompt.toStdString(), true);
        const auto limit = model.architecture().max_positions;
        if (limit > 0 && static_cast<std::int64_t>(prompt.size()) >= limit)
            throw bad_input("text", "", "has " + std::to_string(prompt.size()) + " tokens, as many as the model's context of " + std::to_string(limit) + " or more; shorten it");
        if (recipe) validate(*recipe, model);
        std::vector<std::int32_t> plain;
        for (std::size_t side = 0; side < (recipe ? 2U : 1U); ++side) {
            on_desk([round, side](PlaygroundSheet& sheet) {
                if (sheet.round_ == round) sheet.status_->setText(side == 0 ? tr("The float model writes…") : tr("The recipe writes…"));
            });
            std::vector<std::int32_t> ids;
            std::optional<std::size_t> apart;
            auto options = asked.options;
            options.on_token = [&](std::int32_t id) {
                ids.push_back(id);
                if (side == 1 && !apart && (ids.size() > plain.size() || plain[ids.size() - 1] != id)) apart = ids.size() - 1;
                const QString whole = text_of(*tokenizer, ids, ids.size()), before = apart ? text_of(*tokenizer, ids, *apart) : QString(),
                              with = apart ? text_of(*tokenizer, ids, *apart + 1) : QString();
                on_desk([round, side, ids, whole, before, with](PlaygroundSheet& sheet) { sheet.grow(round, side, ids, whole, before, with); });
            };
            const auto made = load_text_generator().continue_text(model, side == 0 ? nullptr : recipe.get(), side == 0 ? Level::floating : Level::simulated, prompt, options, control);
            if (side == 0) plain = made.ids;
            on_desk([round, side, made, count = prompt.size()](PlaygroundSheet& sheet) {
                if (sheet.round_ == round) sheet.finish(side, made, count);
            });
            if (side == 1) {  // where the two part is known now, so the float text shows it too
                const auto difference = first_difference(plain, made.ids);
                if (!difference || *difference >= plain.size()) continue;
                const QString whole = text_of(*tokenizer, plain, plain.size()), before = text_of(*tokenizer, plain, *difference), with = text_of(*tokenizer, plain, *difference + 1);
                on_desk([round, plain, whole, before, with](PlaygroundSheet& sheet) { sheet.grow(round, 0, plain, whole, before, with); });
            }
        }
        return [this, round] {
            if (round_ == round) conclude();
        };
    }, [this, round](const QString& sentence) {
        if (round_ != round) return;
        set_generating(false);
        status_->clear();
        message_->show_error(sentence);
    });
}

void PlaygroundSheet::stop()
{
    if (!generating_) return;
    desk_.lanes().compute.post(this, lane_tag, [](const Control&) -> Lane::Continuation { return {}; });  // the newest wins: what runs is cancelled
    ++round_;
    set_generating(false);
    status_->setText(tr("Stopped"));
}

void PlaygroundSheet::set_generating(bool running)
{
    generating_ = running;
    if (!running && stop_->hasFocus()) generate_->setFocus();
    stop_->setEnabled(running);
    generate_->setEnabled(!running);
    show_titles();
}

void PlaygroundSheet::grow(std::uint64_t round, std::size_t side, const std::vector<std::int32_t>& ids, const QString& text, const QString& before, const QString& with)
{
    if (round != round_) return;
    ids_[side] = ids;
    sides_[side]->set_text(shown_prompt_, text, with.isEmpty() ? std::nullopt : std::optional(place_of(text, before, with)));
}

void PlaygroundSheet::finish(std::size_t side, const Generation& made, std::size_t prompt)
{
    ids_[side] = made.ids;
    const auto rate = [](const std::optional<double>& value) { return value ? tr("%1 tokens/s").arg(number(*value)) : not_measured; };
    const auto read = count(static_cast<std::int64_t>(prompt)), written = count(static_cast<std::int64_t>(made.ids.size()));
    sides_[side]->set_speed(tr("Prompt (%1): %2 · generation (%3): %4").arg(read, rate(made.prompt_tokens_per_s(prompt)), written, rate(made.generated_tokens_per_s())));
}

void PlaygroundSheet::conclude()
{
    set_generating(false);
    if (!desk_.revisions().head()) return status_->setText(tr("Open or make a recipe to see its text beside this one"));
    const auto apart = first_difference(ids_[0], ids_[1]);
    if (!apart) return status_->setText(tr("No token differs (%1)").arg(count(static_cast<std::int64_t>(ids_[0].size()))));
    const auto token = [this](std::size_t side) { return sides_[side]->marked().isEmpty() ? tr("the end") : tr("“%1”").arg(sides_[side]->marked()); };
    status_->setText(tr("First difference: token %1, where float has %2 and the recipe %3").arg(count(static_cast<std::int64_t>(*apart) + 1), token(0), token(1)));
}

}  // namespace bitwright::views
