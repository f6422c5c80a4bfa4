// SPDX-License-Identifier: GPL-3.0-or-later
// What is open: one workspace, one model of it, one calibration's statistics, one recipe; and what every page needs beside them. Pages read it, set the shared
// selection, submit jobs and make edits; they hear of each other through its signals alone.
// Invariants: everything shown belongs to the open workspace; a failed action changes nothing and emits failed() with one sentence. The model may be absent
// while a workspace is open (it moved): results and statistics are shown all the same.
// Threading: UI thread; reading happens on the interactive lane, so after an open_…() the signals come later.
#pragma once

#include "core/architecture/model.h"
#include "core/statistics/statistics.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/models.h"
#include "views/desk/actions.h"
#include "views/desk/job_queue.h"
#include "views/desk/lane.h"
#include "views/desk/revisions.h"
#include "views/desk/selection.h"
#include "views/desk/settings.h"

#include <QObject>
#include <QString>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace bitwright::views {

class Desk : public QObject {
    Q_OBJECT
public:
    Desk(Lanes lanes, JobQueue& jobs, Actions& actions, Settings& settings, QObject* parent = nullptr);
    ~Desk() override;

    [[nodiscard]] const Lanes& lanes() const noexcept { return lanes_; }
    [[nodiscard]] JobQueue& jobs() const noexcept { return jobs_; }
    [[nodiscard]] Actions& actions() const noexcept { return actions_; }
    [[nodiscard]] Settings& settings() const noexcept { return settings_; }
    [[nodiscard]] SelectionModel& selection() noexcept { return selection_; }
    [[nodiscard]] Revisions& revisions() noexcept { return revisions_; }

    [[nodiscard]] const std::shared_ptr<Workspace>& workspace() const noexcept { return workspace_; }
    [[nodiscard]] QString workspace_path() const;  ///< for "-w"
    [[nodiscard]] const std::optional<Model>& model() const noexcept { return model_; }
    [[nodiscard]] QString model_folder() const;  ///< as the command line takes it; "" when none
    /// Row of the model in the workspace; absent before the first job with it.
    [[nodiscard]] const std::optional<ModelRow>& model_row() const noexcept { return model_row_; }
    /// All calibrations of the model, newest first, and the one that is shown.
    [[nodiscard]] const std::vector<CalibrationRow>& calibrations() const noexcept { return calibrations_; }
    [[nodiscard]] const std::optional<CalibrationRow>& calibration() const noexcept { return calibration_; }
    [[nodiscard]] std::shared_ptr<const Statistics> statistics() const noexcept { return statistics_; }
    [[nodiscard]] std::shared_ptr<const Recipe> recipe() const { return revisions_.recipe(); }

    /// A model folder, a workspace file, or a file inside a model folder. Anything else: failed().
    void open(const QString& path);
    /// Into the workspace of that name under the data folder, made when absent; into the open one when `here`.
    void open_model(const QString& folder, bool here = false);
    void open_workspace(const QString& file);
    /// The open workspace's model lies elsewhere now. Refused when it is another model (by content).
    void locate_model(const QString& folder);
    void close();
    /// Gives up on a workspace that another program keeps locked; nothing happens when none is waited for.
    void stop_waiting() { give_up_->store(true); }
    void use_calibration(std::int64_t id);
    /// After a job: what it added is read.
    void refresh();
    /// What the desk says in passing ("perplexity is stale").
    void say(const QString& sentence) { Q_EMIT said(sentence); }
    void fail(const QString& sentence) { Q_EMIT failed(sentence); }

    /// Where workspaces of models opened without one go.
    [[nodiscard]] static QString data_folder();

Q_SIGNALS:
    void workspace_closing();  ///< still open: what belongs to it can be stored
    void workspace_changed();
    void model_changed();
    void model_missing(const QString& folder);  ///< where it was last seen; locate_model() mends it
    void calibrations_changed();
    void statistics_changed();
    void recipe_changed();
    void results_changed();  ///< new evaluations, runs, layer errors
    void failed(const QString& sentence);
    void waiting(const QString& sentence);                ///< another program keeps a workspace locked; every few seconds, until it is open or not
    void locked(const QString& sentence, std::function<void()> again);  ///< waited long enough; `again` tries once more
    void said(const QString& sentence);
    void settings_changed();               ///< settings() say something else now
    void calibration_wanted();             ///< somebody pressed "Calibrate…": the shell opens the sheet
    void page_wanted(const QString& id);   ///< somebody wants another page in front ("explore")

private:
    struct Opened;
    void report_waiting(const QString& workspace, std::chrono::milliseconds waited);
    void open_pair(const QString& workspace, const QString& model);
    [[nodiscard]] static Opened read(const std::string& workspace, const std::string& model, std::chrono::seconds lock_wait, const LockWait& on_lock);
    void take(Opened opened);
    void load_statistics();

    Lanes lanes_;
    JobQueue& jobs_;
    Actions& actions_;
    Settings& settings_;
    SelectionModel selection_;
    Revisions revisions_;
    std::shared_ptr<Workspace> workspace_;
    std::optional<Model> model_;
    std::optional<ModelRow> model_row_;
    std::vector<CalibrationRow> calibrations_;
    std::optional<CalibrationRow> calibration_;
    std::shared_ptr<const Statistics> statistics_;
    std::shared_ptr<std::atomic<bool>> give_up_ = std::make_shared<std::atomic<bool>>(false);  ///< read by the store lane while it waits for a lock
};

}  // namespace bitwright::views
