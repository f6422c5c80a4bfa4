// SPDX-License-Identifier: GPL-3.0-or-later
// What Explore shows, to be chosen: kind of site, statistic, axis, order, scale, threshold, first token, transforms.
// Invariant: only what can be shown is offered; a control that makes no sense for the axis or the recipe is absent.
// Threading: UI thread.
#pragma once

#include "views/desk/site_titles.h"
#include "views/explore/site_map.h"

#include <QJsonObject>
#include <QWidget>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QProgressBar;
class QToolButton;

namespace bitwright::views {

class Choice;

class ExploreBar : public QWidget {
    Q_OBJECT
public:
    explicit ExploreBar(QWidget* parent = nullptr);

    void set_model(const std::optional<Model>& model, bool calibrated);
    void set_after_possible(bool possible);
    [[nodiscard]] const SiteGroup* group() const;
    /// Emits nothing. False when the model has no such kind.
    bool set_role(SiteRole role);
    [[nodiscard]] MapRequest request() const;
    [[nodiscard]] bool by_magnitude() const;
    [[nodiscard]] bool logarithmic() const;
    void set_progress(int done, int total);
    void set_caption(const QString& text);
    void step_kind(int by);

    [[nodiscard]] QJsonObject state() const;
    void restore(const QJsonObject& state);

Q_SIGNALS:
    void request_changed();
    void look_changed();  ///< order, scale
    void cancel_wanted();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void fit_caption();
    void build_first_row();
    void build_second_row();
    void adapt();

    std::vector<SiteGroup> groups_;
    std::shared_ptr<const SiteCatalogue> catalogue_;
    QString wanted_kind_;  ///< of restore(), until the model is there
    bool calibrated_ = false;  ///< activations were offered at the last set_model
    QComboBox* kind_;
    QComboBox* statistic_;
    Choice* axis_;
    Choice* order_;
    Choice* scale_;
    QComboBox* threshold_kind_;
    QDoubleSpinBox* threshold_;
    QCheckBox* without_first_;
    Choice* transforms_;
    QLabel* caption_;
    QString caption_text_;  ///< shown where it fits, else in the tool tip alone: half of a number is another number
    QProgressBar* progress_;
    QToolButton* cancel_;
};

}  // namespace bitwright::views
