// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/desk.h"

#include "core/workspace/desk.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QLocale>
#include <QPointer>
#include <QStandardPaths>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace bitwright::views {

namespace {

constexpr std::chrono::milliseconds lock_told_after(250);

}  // namespace

/// What opening reads, off the UI thread.
struct Desk::Opened {
    std::shared_ptr<Workspace> workspace;
    std::optional<Model> model;
    std::optional<ModelRow> row;
    std::string missing;  ///< where the model was last seen
    std::vector<CalibrationRow> calibrations;
    std::optional<CalibrationRow> calibration;
    Revisions::Stored revisions;
};

Desk::Desk(Lanes lanes, JobQueue& jobs, Actions& actions, Settings& settings, QObject* parent)
    : QObject(parent), lanes_(lanes), jobs_(jobs), actions_(actions), settings_(settings), revisions_(lanes)
{
    connect(&revisions_, &Revisions::changed, this, &Desk::recipe_changed);
    connect(&revisions_, &Revisions::failed, this, &Desk::failed);
    connect(&revisions_, &Revisions::walked, this,
            [this](const QStringList& command) { actions_.set_command_line(QStringList{QStringLiteral("recipe")} + command + QStringList{QStringLiteral("-w"), workspace_path()}); });
    connect(&jobs_, &JobQueue::finished, this, [this] { refresh(); });
}

QString Desk::workspace_path() const { return workspace_ ? QString::fromStdString(workspace_->path().string()) : QString(); }
QString Desk::model_folder() const
{
    if (model_) return QString::fromStdString(model_->checkpoint->folder().string());
    return model_row_ ? QString::fromStdString(model_row_->path) : QString();
}

QString Desk::data_folder() { return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + QStringLiteral("/bitwright"); }

void Desk::open(const QString& path)
{
    const QFileInfo info(path);
    if (!info.exists()) return fail(tr("%1: does not exist; choose a model folder or a workspace (*.bitwright)").arg(QDir::toNativeSeparators(path)));
    if (info.isDir()) return open_model(path);
    if (info.suffix() == QLatin1String("bitwright")) return open_workspace(path);
    const bool of_model = info.fileName() == QLatin1String("config.json") || info.suffix() == QLatin1String("safetensors");
    if (of_model && QFileInfo::exists(info.absolutePath() + QStringLiteral("/config.json"))) return open_model(info.absolutePath());
    fail(tr("%1: is neither a model folder (config.json and *.safetensors) nor a workspace (*.bitwright)").arg(QDir::toNativeSeparators(path)));
}

void Desk::open_model(const QString& folder, bool here)
{
    const QString name = QFileInfo(QDir(folder).absolutePath()).fileName();
    open_pair(here && workspace_ ? workspace_path() : data_folder() + QLatin1Char('/') + name + QStringLiteral(".bitwright"), QDir(folder).absolutePath());
}

void Desk::open_workspace(const QString& file) { open_pair(QFileInfo(file).absoluteFilePath(), {}); }

Desk::~Desk() { give_up_->store(true); }

void Desk::open_pair(const QString& workspace, const QString& model)
{
    give_up_->store(true);  // an earlier opening that still waits
    give_up_ = std::make_shared<std::atomic<bool>>(false);
    auto waited_long = std::make_shared<std::atomic<bool>>(false);
    const QPointer<Desk> self(this);
    const auto on_lock = [self, workspace, give_up = give_up_, waited_long, told = std::chrono::milliseconds(-5000)](std::chrono::milliseconds waited) mutable {
        if (waited >= lock_told_after && waited - told >= std::chrono::seconds(5)) {
            told = waited;
            waited_long->store(true);
            QMetaObject::invokeMethod(QCoreApplication::instance(), [self, workspace, waited] {
                if (self) self->report_waiting(workspace, waited);
            }, Qt::QueuedConnection);
        }
        return !give_up->load();
    };
    lanes_.store.post(this, {}, [this, path = workspace.toStdString(), folder = model.toStdString(), lock_wait = std::chrono::seconds(settings_.lock_wait_seconds), on_lock](const Control&) -> Lane::Continuation {
        auto opened = std::make_shared<Opened>(read(path, folder, lock_wait, on_lock));
        return [this, opened] { take(std::move(*opened)); };
    }, [this, workspace, model, waited_long, give_up = give_up_](const QString& sentence) {
        if (give_up->load()) return say(tr("Not opened: %1 is still locked by another program").arg(QDir::toNativeSeparators(workspace)));
        if (!waited_long->load()) return fail(sentence);
        Q_EMIT locked(sentence, [this, workspace, model] { open_pair(workspace, model); });
    });
}

void Desk::report_waiting(const QString& workspace, std::chrono::milliseconds waited)
{
    Q_EMIT waiting(tr("%1 is locked by another program; waiting for it (%2 of %3 s)")
                       .arg(QDir::toNativeSeparators(workspace), QLocale().toString(static_cast<qlonglong>(waited.count() / 1000)), QLocale().toString(settings_.lock_wait_seconds)));
}

Desk::Opened Desk::read(const std::string& path, const std::string& folder, std::chrono::seconds lock_wait, const LockWait& on_lock)
{
    Opened opened;
    if (!folder.empty()) opened.model = bitwright::open_model(folder);  // first: a folder without a model makes no workspace
    const std::filesystem::path file(path);
    if (folder.empty() && !std::filesystem::exists(file)) throw bad_input(path, "", "is not there any more; choose another workspace");
    std::filesystem::create_directories(file.parent_path());
    opened.workspace = std::make_shared<Workspace>(file, lock_wait, on_lock);
    const auto& workspace = *opened.workspace;
    if (opened.model) {
        if (const auto hash = known_content_hash(workspace, opened.model->checkpoint->identity())) opened.row = find_model(workspace, *hash);
    } else {
        if (const auto row = open_model_row(workspace)) opened.row = get_model(workspace, *row);
        if (opened.row) {
            try {
                opened.model = bitwright::open_model(opened.row->path);
                if (known_content_hash(workspace, opened.model->checkpoint->identity()) != opened.row->content_hash) opened.model.reset();
            } catch (const Error&) {  // it moved or changed: the desk asks where it is now
            }
            if (!opened.model) opened.missing = opened.row->path;
        }
    }
    if (opened.row) {
        for (auto& row : list_calibrations(workspace))
            if (row.model == opened.row->id) opened.calibrations.push_back(std::move(row));
        const auto last = desk_value(workspace, "calibration:" + std::to_string(opened.row->id));
        for (const auto& row : opened.calibrations)
            if (!opened.calibration || (last.is_number_integer() && row.id == last.get<std::int64_t>())) opened.calibration = row;
        if (!workspace.read_only()) put_open_model_row(*opened.workspace, opened.row->id);
    }
    opened.revisions = Revisions::read(opened.workspace, opened.row ? std::optional(opened.row->id) : std::nullopt);
    return opened;
}

void Desk::take(Opened opened)
{
    if (workspace_) Q_EMIT workspace_closing();
    workspace_ = std::move(opened.workspace);
    model_ = std::move(opened.model);
    model_row_ = std::move(opened.row);
    calibrations_ = std::move(opened.calibrations);
    calibration_ = std::move(opened.calibration);
    statistics_.reset();
    selection_.clear();
    auto& recent = settings_.recent;
    recent.removeAll(workspace_path());
    recent.prepend(workspace_path());
    while (recent.size() > 12) recent.removeLast();
    Q_EMIT workspace_changed();
    Q_EMIT model_changed();
    Q_EMIT calibrations_changed();
    Q_EMIT statistics_changed();
    revisions_.open(std::move(opened.revisions));
    Q_EMIT results_changed();
    if (!opened.missing.empty()) Q_EMIT model_missing(QString::fromStdString(opened.missing));
    if (workspace_->read_only()) say(tr("Opened read-only: %1").arg(QString::fromStdString(workspace_->notice())));
    load_statistics();
}

void Desk::locate_model(const QString& folder)
{
    if (!workspace_ || !model_row_) return;
    lanes_.interactive.post(this, QStringLiteral("desk.locate"), [this, workspace = workspace_, row = *model_row_, folder = folder.toStdString()](const Control& control) -> Lane::Continuation {
        auto model = bitwright::open_model(folder);
        if (model.checkpoint->content_hash(control) != row.content_hash)
            throw bad_input(folder, "", "is another model than the workspace was made with (" + row.path + "); choose the folder that holds the same weights, or open this one on its own");
        auto found = row;
        found.path = folder;
        put_model(*workspace, found, model.checkpoint->identity());
        return [this, workspace, model, found] {
            if (workspace != workspace_) return;
            model_ = model;
            model_row_ = found;
            Q_EMIT model_changed();
        };
    }, [this](const QString& sentence) { fail(sentence); });
}

void Desk::close()
{
    if (workspace_) Q_EMIT workspace_closing();
    workspace_.reset();
    model_.reset();
    model_row_.reset();
    calibrations_.clear();
    calibration_.reset();
    statistics_.reset();
    selection_.clear();
    revisions_.close();
    Q_EMIT workspace_changed();
    Q_EMIT model_changed();
    Q_EMIT calibrations_changed();
    Q_EMIT statistics_changed();
    Q_EMIT results_changed();
}

void Desk::use_calibration(std::int64_t id)
{
    const auto row = std::ranges::find(calibrations_, id, &CalibrationRow::id);
    if (row == calibrations_.end() || (calibration_ && calibration_->id == id && statistics_)) return;
    calibration_ = *row;
    if (!workspace_->read_only())
        lanes_.store.post(this, {}, [workspace = workspace_, key = "calibration:" + std::to_string(row->model), id](const Control&) -> Lane::Continuation {
            put_desk_value(*workspace, key, id);
            return {};
        }, [this](const QString& sentence) { fail(sentence); });
    load_statistics();
}

void Desk::load_statistics()
{
    if (!workspace_ || !calibration_) return;
    lanes_.interactive.post(this, QStringLiteral("desk.statistics"), [this, workspace = workspace_, row = *calibration_](const Control&) -> Lane::Continuation {
        auto statistics = std::make_shared<const Statistics>(load_calibration_statistics(*workspace, row));
        return [this, workspace, id = row.id, statistics = std::move(statistics)] {
            if (workspace != workspace_ || !calibration_ || calibration_->id != id) return;
            statistics_ = statistics;
            Q_EMIT statistics_changed();
        };
    }, [this](const QString& sentence) { fail(sentence); });
}

void Desk::refresh()
{
    if (!workspace_) return;
    const auto identity = model_ ? std::optional(model_->checkpoint->identity()) : std::nullopt;
    lanes_.interactive.post(this, QStringLiteral("desk.refresh"), [this, workspace = workspace_, identity, known = model_row_](const Control&) -> Lane::Continuation {
        auto row = known;
        if (!row && identity)
            if (const auto hash = known_content_hash(*workspace, *identity)) row = find_model(*workspace, *hash);
        std::vector<CalibrationRow> calibrations;
        if (row)
            for (auto& calibration : list_calibrations(*workspace))
                if (calibration.model == row->id) calibrations.push_back(std::move(calibration));
        const bool first = row && !known;
        auto stored = first ? Revisions::read(workspace, row->id) : Revisions::Stored{};
        return [this, workspace, row, calibrations = std::move(calibrations), stored = std::move(stored), first]() mutable {
            if (workspace != workspace_) return;
            model_row_ = row;
            const bool news = calibrations.size() != calibrations_.size();
            calibrations_ = std::move(calibrations);
            if (first)
                revisions_.open(std::move(stored));
            else
                revisions_.refresh();
            if (news) {
                Q_EMIT calibrations_changed();
                if (!calibration_ && !calibrations_.empty()) use_calibration(calibrations_.front().id);
            }
            Q_EMIT results_changed();
        };
    }, [this](const QString& sentence) { fail(sentence); });
}

}  // namespace bitwright::views
