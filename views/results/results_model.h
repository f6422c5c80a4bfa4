// SPDX-License-Identifier: GPL-3.0-or-later
// Everything measured as a table, newest first; a proxy filters and sorts it. Tags, note and star are edited in place: the model shows them at once and says
// so; the page stores them.
// Threading: UI thread.
#pragma once

#include "views/results/result_filter.h"
#include "views/results/result_row.h"

#include <QAbstractTableModel>
#include <QSortFilterProxyModel>

#include <vector>

namespace bitwright::views {

class ResultsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { star, name, method, level, perplexity, kl, accuracy, prefill, decode, memory, measured_on, tags, note, created, columns };
    static constexpr int sort_role = Qt::UserRole;

    using QAbstractTableModel::QAbstractTableModel;
    void set_rows(std::vector<ResultRow> rows);
    [[nodiscard]] const std::vector<ResultRow>& rows() const noexcept { return rows_; }
    [[nodiscard]] const ResultRow& row(int index) const { return rows_[static_cast<std::size_t>(index)]; }
    [[nodiscard]] int find(const Reference& reference) const;  ///< −1: not there
    void set_archived(const std::vector<Reference>& references, bool archived);
    void set_tags(int row, const QStringList& words);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;

Q_SIGNALS:
    void tags_edited(const QString& result, const QStringList& tags);
    void note_edited(const QString& result, const QString& note);

private:
    [[nodiscard]] QString text(const ResultRow& row, int column) const;
    [[nodiscard]] QVariant key(const ResultRow& row, int column) const;
    [[nodiscard]] QString reason(const ResultRow& row, int column) const;
    std::vector<ResultRow> rows_;
};

class ResultsProxy : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit ResultsProxy(ResultsModel& model, QObject* parent = nullptr);
    void set_filter(const QString& words, bool archived);
    [[nodiscard]] const ResultFilter& filter() const noexcept { return filter_; }
    /// In the order shown.
    [[nodiscard]] std::vector<ResultRow> shown() const;

protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex& parent) const override;
    [[nodiscard]] bool lessThan(const QModelIndex& left, const QModelIndex& right) const override;

private:
    ResultsModel& model_;
    ResultFilter filter_;
    bool archived_ = false;
};

/// The rows as text to paste elsewhere: invariant numbers at full precision, empty where not measured.
[[nodiscard]] QString results_csv(const std::vector<ResultRow>& rows);
[[nodiscard]] QString results_markdown(const std::vector<ResultRow>& rows);

}  // namespace bitwright::views
