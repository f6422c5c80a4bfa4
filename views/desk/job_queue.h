// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs as views see them: a job is a command of the command line (its contract is the documentation), run inside the program. So every action has its
// equivalent command line, results have the documented keys, and a job of an earlier session is resumed by repeating its arguments.
// Invariants: a job's state only moves forward through JobPhase's arrows; cancelled is never failed; a paused job survives the end of the program.
// Threading: UI thread.
#pragma once

#include "core/numerics/numerics.h"  // MethodProgress
#include "device_bridge/run/timeline.h"

#include <QObject>
#include <QString>
#include <QStringList>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace bitwright::views {

/// queued → running → done | failed | cancelling → cancelled | pausing → paused → queued
enum class JobPhase : std::uint8_t { queued, running, pausing, paused, cancelling, cancelled, failed, done };
[[nodiscard]] inline bool is_over(JobPhase phase) noexcept { return phase == JobPhase::cancelled || phase == JobPhase::failed || phase == JobPhase::done; }

/// What can be known about a job at one moment.
struct Job {
    std::int64_t number = 0;             ///< in this session
    std::optional<std::int64_t> row;     ///< job:N in the workspace, once begun
    QString title;                       ///< "MobileQuant W4A8"
    QStringList arguments;               ///< without the program's name: "quantize", MODEL, …, "-w", W
    JobPhase phase = JobPhase::queued;
    QString stage;                       ///< as the command reports it ("optimizing"); stage_words() for people
    std::int64_t done = 0, total = 0;    ///< total 0: unknown
    std::optional<double> value;         ///< the quantity of the stage: a loss, a perplexity so far
    double elapsed_seconds = 0;
    std::optional<double> remaining_seconds;
    QString message;                     ///< why it failed, or what it had to say
    QStringList log;                     ///< sentences for people, oldest first
    nlohmann::ordered_json result;       ///< what the command prints with --json; null until done
};

/// What an optimization reported so far, growing while it runs.
struct Trace {
    std::vector<std::shared_ptr<const MethodProgress>> steps;
};

class JobQueue : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;
    /// @return the job's number. Usage errors show as a failed job with the sentence.
    virtual std::int64_t submit(const QString& title, const QStringList& arguments) = 0;
    /// A job of an earlier session that never began: held as paused until it is resumed.
    virtual std::int64_t hold(const QString& title, const QStringList& arguments) = 0;
    virtual void pause(std::int64_t number) = 0;
    virtual void resume(std::int64_t number) = 0;  ///< paused, failed or cancelled: the same arguments again
    virtual void cancel(std::int64_t number) = 0;
    [[nodiscard]] virtual std::vector<Job> jobs() const = 0;  ///< newest first
    [[nodiscard]] virtual std::optional<Job> job(std::int64_t number) const = 0;
    /// Of an optimization; null for other jobs and before its first step.
    [[nodiscard]] virtual std::shared_ptr<const Trace> trace(std::int64_t number) const = 0;
    /// Of a measurement on a phone; null for other jobs and before the phone told anything.
    [[nodiscard]] virtual std::shared_ptr<const Timeline> timeline(std::int64_t number) const = 0;

Q_SIGNALS:
    void changed(std::int64_t number);   ///< any of it, at most 20 times a second for each job
    void finished(std::int64_t number);  ///< once, when is_over()
};

}  // namespace bitwright::views
