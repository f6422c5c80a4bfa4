// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/result_details.h"

#include "views/desk/theme.h"

#include <QEvent>
#include <QFontDatabase>
#include <QPlainTextEdit>
#include <QTextBrowser>

namespace bitwright::views {

ResultDetailsPane::ResultDetailsPane(Desk& desk, QWidget* parent)
    : QTabWidget(parent), desk_(desk), conditions_(new QTextBrowser(this)), samples_(new plots::CurvesView(this)), output_(new QPlainTextEdit(this))
{
    setDocumentMode(true);
    setMinimumHeight(140);
    conditions_->setAccessibleName(tr("Conditions and hashes of the result"));
    conditions_->setFrameShape(QFrame::NoFrame);
    samples_->setAccessibleName(tr("Samples of the result"));
    samples_->setStyle(plot_style(desk.settings().sequence));
    samples_->setEmptyText(tr("Measured once: there are no repeats to show"));
    output_->setReadOnly(true);
    output_->setLineWrapMode(QPlainTextEdit::NoWrap);
    output_->setFrameShape(QFrame::NoFrame);
    output_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    output_->setAccessibleName(tr("Raw output of the runner"));
    addTab(conditions_, tr("Conditions"));
    addTab(samples_, tr("Samples"));
    addTab(output_, tr("Raw output"));
    connect(samples_, &plots::Plot::exportFailed, &desk, &Desk::fail);
    clear();
}

void ResultDetailsPane::show_result(const ResultRow& row)
{
    method_ = row.method;
    desk_.lanes().interactive.post(this, QStringLiteral("results.details"), [this, workspace = desk_.workspace(), reference = row.reference](const Control&) -> Lane::Continuation {
        auto details = std::make_shared<const ResultDetails>(read_details(*workspace, reference));
        return [this, details] { take(*details); };
    }, [this](const QString& sentence) {
        clear();
        conditions_->setPlainText(sentence);
    });
}

void ResultDetailsPane::clear()
{
    conditions_->setPlainText(tr("Select a result to see how it was measured."));
    samples_->clear();
    output_->clear();
    setTabVisible(2, false);
}

void ResultDetailsPane::take(const ResultDetails& details)
{
    const auto rows = [](const std::vector<std::pair<QString, QString>>& pairs, bool code) {
        QString html;
        for (const auto& [name, value] : pairs) {
            const auto shown = value.toHtmlEscaped();
            html += QStringLiteral("<tr><td style='padding:1px 16px 1px 0'>%1</td><td>%2</td></tr>").arg(name.toHtmlEscaped(), code ? QStringLiteral("<code>%1</code>").arg(shown) : shown);
        }
        return html;
    };
    conditions_->setHtml(QStringLiteral("<table cellspacing='0'>%1%2</table>").arg(rows(details.conditions, false), rows(details.hashes, true)));
    const bool run = details.reference.kind == "run";
    plots::CurveAxes axes;
    axes.x = run ? tr("repeat") : tr("window");
    axes.y = run ? tr("speed") : tr("−ln p per token");
    axes.y_unit = run ? tr("tokens/s") : QString();
    samples_->setAxes(axes);
    samples_->setTitle(run ? tr("Speed of each repeat, %1").arg(QString::fromStdString(to_string(details.reference)))
                           : tr("Score of each window, %1").arg(QString::fromStdString(to_string(details.reference))));
    std::vector<plots::Curve> curves;
    for (const auto& sample : details.samples) {
        plots::Curve curve;
        curve.name = sample.name;
        curve.category = category_of(method_) + static_cast<int>(curves.size());
        for (std::size_t i = 0; i < sample.values.size(); ++i) {
            curve.x.push_back(static_cast<double>(i + 1));
            curve.y.push_back(sample.values[i]);
        }
        curves.push_back(std::move(curve));
    }
    samples_->setCurves(std::move(curves));
    output_->setPlainText(details.output);
    setTabVisible(2, run);
}

void ResultDetailsPane::changeEvent(QEvent* event)
{
    QTabWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) samples_->setStyle(plot_style(desk_.settings().sequence));
}

}  // namespace bitwright::views
