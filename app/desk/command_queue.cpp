// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desk/command_queue.h"

#include "app/cli/host.h"

#include <algorithm>
#include <atomic>

namespace bitwright {

using views::Job;
using views::JobPhase;

/// One job; `job` is guarded by `mutex`: the UI thread reads it, the working thread reports into it.
struct CommandQueue::Entry {
    mutable std::mutex mutex;
    Job job;
    std::shared_ptr<views::Trace> trace;
    std::shared_ptr<const Timeline> timeline;
    std::unique_ptr<ProgressRelay> relay;
    std::unique_ptr<Control> control;  ///< of this attempt
    std::chrono::steady_clock::time_point started, stage_started;
    std::int64_t stage_first = 0;
    bool optimizes = false;  ///< pauses by itself, between steps
    std::atomic<bool> news{false};

    void report(const Progress& progress)
    {
        const std::lock_guard lock(mutex);
        const auto now = std::chrono::steady_clock::now();
        if (job.stage.toStdString() != progress.stage) {
            job.stage = QString::fromStdString(progress.stage);
            stage_started = now;
            stage_first = progress.done;
        }
        job.done = progress.done;
        job.total = progress.total;
        job.value = progress.has_value ? std::optional(progress.value) : std::nullopt;
        const double in_stage = std::chrono::duration<double>(now - stage_started).count();
        const auto steps = progress.done - stage_first;
        job.remaining_seconds = progress.total > 0 && steps > 0 ? std::optional(in_stage / static_cast<double>(steps) * static_cast<double>(progress.total - progress.done)) : std::nullopt;
        job.elapsed_seconds = std::chrono::duration<double>(now - started).count();
        news = true;
    }
    void say(const std::string& sentence)
    {
        const std::lock_guard lock(mutex);
        job.log << QString::fromStdString(sentence);
        job.message = QString::fromStdString(sentence);
        news = true;
    }
};

CommandQueue::CommandQueue(views::Lane& compute, QObject* parent) : JobQueue(), compute_(compute)
{
    setParent(parent);
    announcing_.setInterval(50);
    connect(&announcing_, &QTimer::timeout, this, &CommandQueue::announce);
}

CommandQueue::~CommandQueue()
{
    shut_down();
    phones_.clear();  // joined while what they report to is still there
}

/// The lane of the phone that the command names; the compute lane for everything that happens on this computer.
views::Lane& CommandQueue::lane_of(const QStringList& arguments)
{
    const auto option = arguments.indexOf(QStringLiteral("--device"));
    const bool of_phone = !arguments.isEmpty() && (arguments.front() == QLatin1String("measure") || arguments.front() == QLatin1String("push") || arguments.front() == QLatin1String("devices"));
    if (!of_phone || option < 0 || option + 1 >= arguments.size() || arguments[option + 1] == QLatin1String("local")) return compute_;
    auto& lane = phones_[arguments[option + 1]];
    if (!lane) lane = std::make_unique<WorkerLane>("phone");
    return *lane;
}

std::size_t CommandQueue::waiting_for_phones() const
{
    std::size_t waiting = 0;
    for (const auto& [serial, lane] : phones_) waiting += lane->waiting();
    return waiting;
}

std::shared_ptr<CommandQueue::Entry> CommandQueue::add(const QString& title, const QStringList& arguments)
{
    auto entry = std::make_shared<Entry>();
    entry->job.number = entries_.empty() ? 1 : entries_.back()->job.number + 1;
    entry->job.title = title;
    entry->job.arguments = arguments;
    entry->optimizes = !arguments.isEmpty() && arguments.front() == QLatin1String("quantize");
    entries_.push_back(entry);
    return entry;
}

std::int64_t CommandQueue::submit(const QString& title, const QStringList& arguments)
{
    const auto entry = add(title, arguments);
    start(entry);
    return entry->job.number;
}

std::int64_t CommandQueue::hold(const QString& title, const QStringList& arguments)
{
    const auto entry = add(title, arguments);
    entry->job.phase = JobPhase::paused;
    Q_EMIT changed(entry->job.number);
    return entry->job.number;
}

void CommandQueue::start(const std::shared_ptr<Entry>& entry)
{
    {
        const std::lock_guard lock(entry->mutex);
        entry->job.phase = JobPhase::queued;
        entry->job.message.clear();
        entry->job.result = nullptr;
        entry->job.stage.clear();
        entry->job.done = entry->job.total = 0;
        entry->job.value.reset();
        entry->job.remaining_seconds.reset();
        entry->relay = std::make_unique<ProgressRelay>([raw = entry.get()](const Progress& progress) { raw->report(progress); });
        entry->control = std::make_unique<Control>([raw = entry.get()](const Progress& progress) { (*raw->relay)(progress); });
    }
    lane_of(entry->job.arguments).post(this, {}, [this, entry](const Control&) -> views::Lane::Continuation {
        work(entry);
        return {};
    });
    announcing_.start();
    Q_EMIT changed(entry->job.number);
}

void CommandQueue::work(const std::shared_ptr<Entry>& entry)
{
    std::vector<std::string> arguments;
    {
        const std::lock_guard lock(entry->mutex);
        if (entry->job.phase != JobPhase::queued) return;  // cancelled while it waited
        entry->job.phase = JobPhase::running;
        entry->started = entry->stage_started = std::chrono::steady_clock::now();
        for (const auto& argument : entry->job.arguments) arguments.push_back(argument.toStdString());
        entry->news = true;
    }
    cli::Host host{[&](const cli::Json& object, bool) {
                       const std::lock_guard lock(entry->mutex);
                       entry->job.result = object;
                   },
                   [&](const std::string& sentence) { entry->say(sentence); }, [&](const std::string& text) { entry->say(text); }, *entry->relay, *entry->control,
                   [&](const JobRow& row) {
                       const std::lock_guard lock(entry->mutex);
                       entry->job.row = row.id;
                   }};
    host.watch.on_step = [&](const MethodProgress& progress) {
        const std::lock_guard lock(entry->mutex);
        if (entry->trace && !entry->trace->steps.empty() && progress.record.step <= entry->trace->steps.back()->record.step) return;  // a resumed run repeats them
        // a reader keeps the trace it was given: it grows by replacement of the pointer, not of what it points to
        auto next = std::make_shared<views::Trace>(entry->trace ? *entry->trace : views::Trace{});
        next->steps.push_back(std::make_shared<const MethodProgress>(progress));
        entry->trace = std::move(next);
    };
    host.on_log = [&](const RunnerLog& log) {
        auto timeline = std::make_shared<const Timeline>(timeline_of(log));
        const std::lock_guard lock(entry->mutex);
        entry->timeline = std::move(timeline);
        entry->news = true;
    };
    const int code = cli::run_command_line(std::move(arguments), host);
    QMetaObject::invokeMethod(this, [this, entry, code] { finish(entry, code); }, Qt::QueuedConnection);
}

void CommandQueue::finish(const std::shared_ptr<Entry>& entry, int code)
{
    {
        const std::lock_guard lock(entry->mutex);
        auto& job = entry->job;
        job.elapsed_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - entry->started).count();
        job.remaining_seconds.reset();
        const bool paused = (code == 0 && job.result.is_object() && job.result.value("paused", false)) || (code == 4 && entry->control->pause_requested());
        if (paused) job.phase = JobPhase::paused;
        else if (code == 0) job.phase = JobPhase::done;
        else if (code == 4) job.phase = JobPhase::cancelled;
        else job.phase = JobPhase::failed;
        if (job.phase != JobPhase::failed) job.message.clear();
    }
    Q_EMIT changed(entry->job.number);
    if (views::is_over(entry->job.phase)) Q_EMIT finished(entry->job.number);
}

void CommandQueue::pause(std::int64_t number)
{
    const auto entry = find(number);
    if (!entry) return;
    {
        const std::lock_guard lock(entry->mutex);
        if (entry->job.phase == JobPhase::queued) {
            entry->job.phase = JobPhase::paused;
        } else if (entry->job.phase == JobPhase::running) {
            entry->job.phase = JobPhase::pausing;
            entry->control->request_pause();
            if (!entry->optimizes) entry->control->request_cancel();
        } else {
            return;
        }
    }
    Q_EMIT changed(number);
}

void CommandQueue::resume(std::int64_t number)
{
    const auto entry = find(number);
    if (!entry) return;
    const auto phase = job(number)->phase;
    if (phase == JobPhase::paused || phase == JobPhase::failed || phase == JobPhase::cancelled) start(entry);
}

void CommandQueue::cancel(std::int64_t number)
{
    const auto entry = find(number);
    if (!entry) return;
    bool over = false;
    {
        const std::lock_guard lock(entry->mutex);
        auto& job = entry->job;
        if (job.phase == JobPhase::queued || job.phase == JobPhase::paused) {
            job.phase = JobPhase::cancelled;
            over = true;
        } else if (job.phase == JobPhase::running || job.phase == JobPhase::pausing) {
            job.phase = JobPhase::cancelling;
            entry->control->request_cancel();
        } else {
            return;
        }
    }
    Q_EMIT changed(number);
    if (over) Q_EMIT finished(number);
}

std::vector<Job> CommandQueue::jobs() const
{
    std::vector<Job> all;
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
        const std::lock_guard lock((*entry)->mutex);
        all.push_back((*entry)->job);
    }
    return all;
}

std::optional<Job> CommandQueue::job(std::int64_t number) const
{
    const auto entry = find(number);
    if (!entry) return std::nullopt;
    const std::lock_guard lock(entry->mutex);
    return entry->job;
}

std::shared_ptr<const views::Trace> CommandQueue::trace(std::int64_t number) const
{
    const auto entry = find(number);
    if (!entry) return nullptr;
    const std::lock_guard lock(entry->mutex);
    return entry->trace;
}

std::shared_ptr<const Timeline> CommandQueue::timeline(std::int64_t number) const
{
    const auto entry = find(number);
    if (!entry) return nullptr;
    const std::lock_guard lock(entry->mutex);
    return entry->timeline;
}

void CommandQueue::announce()
{
    bool active = false;
    for (const auto& entry : entries_) {
        JobPhase phase{};
        {
            const std::lock_guard lock(entry->mutex);
            phase = entry->job.phase;
        }
        active = active || (!views::is_over(phase) && phase != JobPhase::paused);
        if (entry->news.exchange(false)) Q_EMIT changed(entry->job.number);
    }
    if (!active) announcing_.stop();
}

void CommandQueue::shut_down(bool now)
{
    for (const auto& entry : entries_) {
        const std::lock_guard lock(entry->mutex);
        if (entry->job.phase == JobPhase::queued) entry->job.phase = JobPhase::paused;
        if (views::is_over(entry->job.phase) || entry->job.phase == JobPhase::paused) continue;
        if (entry->job.phase != JobPhase::cancelling) entry->control->request_pause();
        if (!entry->optimizes || now) entry->control->request_cancel();
    }
}

std::shared_ptr<CommandQueue::Entry> CommandQueue::find(std::int64_t number) const
{
    const auto entry = std::ranges::find_if(entries_, [&](const auto& candidate) { return candidate->job.number == number; });
    return entry == entries_.end() ? nullptr : *entry;
}

}  // namespace bitwright
