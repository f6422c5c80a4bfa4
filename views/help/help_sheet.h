// SPDX-License-Identifier: GPL-3.0-or-later
// The pages of help beside their list; links lead from one to another. A page's name is that of the page of the desk it is about ("explore").
// Invariants: every name of help_topics() has a page.
// Threading: UI thread.
#pragma once

#include <QDialog>
#include <QString>

#include <vector>

class QListWidget;
class QTextBrowser;

namespace bitwright::views {

struct HelpTopic {
    QString name, title;  ///< "explore", "Outliers"
};
/// In the order of the loop; titles are the pages' own first lines.
[[nodiscard]] const std::vector<HelpTopic>& help_topics();

class HelpSheet : public QDialog {
    Q_OBJECT
public:
    explicit HelpSheet(QWidget* window);
    /// Shows the page of that name, the first one when there is none.
    void open_topic(const QString& name);
    [[nodiscard]] QString topic() const;

protected:
    void changeEvent(QEvent* event) override;

private:
    void show_page();

    QListWidget* list_;
    QTextBrowser* text_;
};

}  // namespace bitwright::views
